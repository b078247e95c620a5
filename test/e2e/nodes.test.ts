/** The newer versions of Node: the tree, mounted as root and as another user, a process, a channel, and calls between servers. */
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { makeMountSpace } from '../mount-space.ts'
import { noMount, startServer, type TestServer } from '../server.ts'

const OTHER_NODES = fileURLToPath(new URL('../../../scripts/other-nodes', import.meta.url))

/** The path of a Node, or why there is none. */
function otherNode(version: string): { readonly node: string; readonly skip: string | false } {
  try {
    return { node: execFileSync(OTHER_NODES, [version], { encoding: 'utf8' }).trim(), skip: noMount }
  } catch (error) {
    return { node: '', skip: `NO NODE ${version}: ${error instanceof Error ? error.message : error}` }
  }
}

/** The version and the way of reading that a server says it has, after it has shown that it works. */
async function tryOut(server: TestServer): Promise<string> {
  const { stdout } = await server.sh(`
    mkdir $S/p $S/c
    echo 'run sh -c "cat; exit 3"' > $S/p/ctl
    echo in > $S/p/stdin; cat $S/p/stdout $S/p/wait
    echo mkchan > $S/c/ctl
    cat $S/c/recv & echo message > $S/c/send; wait
    timeout 0.2 cat $S/c/recv; echo $?
    sed -n 's/.*"Node": "v\\([0-9]*\\).*/\\1/p' $S/peek
    sed -n 's/^circuit_fuse_reader.*kind="\\(.*\\)".*/\\1/p' $S/metrics`)
  return stdout.replaceAll('\n', ' ')
}

for (const version of ['22', '24']) {
  const { node, skip } = otherNode(version)

  t.test(`Node ${version}, as root`, { skip }, async (t) => {
    const server = await startServer(t, { node })
    t.equal(await tryOut(server), `in 3 message 124 ${version} epoll `)
    // A server of the Node that runs the tests, and one of this.
    const old = await startServer(t, { args: ['-j', server.url], named: false })
    const far = await old.sh(
      'mkdir $M/$ID/far && echo "run echo far" >$M/$ID/far/ctl && cat $M/$ID/far/stdout',
      {
        env: { ID: server.id },
      },
    )
    t.equal(far.stdout, 'far\n')
    t.equal((await server.stop()).status, 0)
  })

  t.test(`Node ${version}, as another user`, { skip }, async (t) => {
    const space = await makeMountSpace(t, { node })
    const server = await startServer(t, {
      mount: join(space.home, 'c'),
      within: space.enterAsNobody,
      node: space.node,
      main: space.main,
      env: { HOME: space.home, TMPDIR: space.home },
    })
    t.equal(await tryOut(server), `in 3 message 124 ${version} epoll `)
    const { stdout } = await server.sh('sed -n "s/.*\\"Pid\\": //p" $S/peek')
    t.equal(Number.parseInt(stdout, 10), server.child.pid, 'it has given its place to the server')
    t.equal((await server.stop()).status, 0)
  })
}
