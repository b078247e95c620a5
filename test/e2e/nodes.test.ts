/** The newer versions of Node: the tree, mounted as root and as another user, a process, a channel, and calls between servers;
 * a container is in containers.test.ts. */
import { join } from 'node:path'
import t from 'tap'
import { makeMountSpace } from '../mount-space.ts'
import { OTHER_VERSIONS, otherNode } from '../other-node.ts'
import { noMount, startServer, type TestServer } from '../server.ts'

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

for (const version of OTHER_VERSIONS) {
  const { node, missing } = otherNode(version)
  const skip = noMount || missing

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
