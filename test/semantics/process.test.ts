/** The sentences P16 and on of docs/semantics.md: processes. What happens to them when their server ends is in stop.test.ts. */
import { until } from '../server.ts'
import { jobSentences } from './job.ts'
import { inEachPlace } from './place.ts'

inEachPlace((sentence) => {
  jobSentences(sentence)

  sentence('P21 A signal goes to the process alone', async (t, place) => {
    const anchor = await place.anchor('run sh -c "sleep 60 & echo $! started; wait"')
    const results = await place.python(
      `
      stdout = open('stdout')
      pid = int(read(stdout, 99).split()[0])
      command(A, 'signal TERM')
      say(content('wait').strip(), os.path.exists('/proc/%d' % pid))
      os.kill(pid, signal.SIGTERM)`,
      { A: anchor },
    )
    t.equal(results, '143 True\n')
  })

  sentence('P27 Processes that an ended one has left go on, and the log says so', async (t, place) => {
    const anchor = await place.anchor('run sh -c "sleep 60 & echo $!; exit 7"')
    const pid = (await place.print('cat "$A/wait" > /dev/null; head -1 "$A/stdout"', { A: anchor })).trim()
    const path = anchor.slice(place.mount.length)
    const entries = (await place.read(`${place.server}/log`))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    const exit = entries.find((entry) => entry.op === 'exit' && entry.path === path)
    t.match(exit.outcome, /^7; it left processes of its group running$/)
    await place.print('kill "$P"', { P: pid })
    const clean = await place.anchor('run true')
    await place.read(`${clean}/wait`)
    const last = (await place.read(`${place.server}/log`))
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    t.equal(
      last.find((entry) => entry.op === 'exit' && entry.path === clean.slice(place.mount.length)).outcome,
      '0',
    )
  })

  sentence('P37 With group, a signal goes to the whole process group', async (t, place) => {
    const anchor = await place.anchor(`run sh -c 'sleep 60 & echo $!; exec sleep 60'`)
    const child = Number((await place.sh('head -1 $A/stdout', { A: anchor })).stdout)
    t.ok(child > 0)
    await place.command(anchor, 'signal TERM group')
    t.equal(await place.read(`${anchor}/wait`), '143\n')
    await until(async () => (await place.sh(`kill -0 ${child}`)).status !== 0)
    t.match(await place.sh('echo "signal TERM group" > $A/ctl', { A: anchor }), { status: /[^0]/ })

    const left = await place.anchor(`run sh -c 'sleep 60 & echo $!'`)
    const orphan = Number((await place.sh('head -1 $A/stdout; cat $A/wait >&2', { A: left })).stdout)
    t.equal((await place.sh(`kill -0 ${orphan}`)).status, 0)
    await place.command(left, 'signal TERM group')
    await until(async () => (await place.sh(`kill -0 ${orphan}`)).status !== 0)
  })

  sentence('P28 A process leads a session and a group of its own, without a terminal', async (t, place) => {
    const anchor = await place.anchor('run sh -c "cut -d\\" \\" -f1,5-7 /proc/$$/stat"')
    const [pid, group, session, terminal] = (await place.read(`${anchor}/stdout`)).trim().split(' ')
    t.equal(group, pid)
    t.equal(session, pid)
    t.equal(terminal, '0')
  })

  sentence('P29 A process is started in Dir, by default /', async (t, place) => {
    t.equal(await place.read(`${await place.anchor('run pwd')}/stdout`), '/\n')
    t.equal(
      await place.read(`${await place.anchor('mkproc {"Path":"pwd","Dir":"/usr/bin/.."}')}/stdout`),
      '/usr\n',
    )
    const anchor = await place.anchor()
    await place.print('mkdir "$A/below"', { A: anchor })
    const below = `${place.mount}${anchor.slice(place.mount.length)}/below`
    t.equal(await place.command(anchor, `mkproc ${JSON.stringify({ Path: 'ls', Dir: below })}`), 'ok')
    t.equal(await place.read(`${anchor}/stdout`), 'ctl\nerror\nhelp\npeek\n', 'in the tree itself, too')
  })

  sentence(
    "P30 Without Env a process gets the server's environment, with Env exactly that",
    async (t, place) => {
      const inherited = (await place.read(`${await place.anchor('run env')}/stdout`))
        .trim()
        .split('\n')
        .filter((variable) => !variable.startsWith('CIRCUIT_MOUNT='))
        .sort()
      const { Pid } = JSON.parse(await place.read(`${place.server}/peek`))
      const server = await place.print('tr "\\0" "\\n" < /proc/$P/environ', { P: String(Pid) })
      t.strictSame(inherited, server.trim().split('\n').sort())
      t.equal(await place.read(`${await place.anchor('mkproc {"Path":"/usr/bin/env","Env":[]}')}/stdout`), '')
      t.equal(
        await place.read(
          `${await place.anchor('mkproc {"Path":"/usr/bin/env","Env":["B=1=2","A=","PATH=/x"]}')}/stdout`,
        ),
        'B=1=2\nA=\nPATH=/x\n',
      )
    },
  )

  sentence('P38 Without Env a process has the path of the mount', async (t, place) => {
    const self = await place.anchor("run sh -c 'readlink $CIRCUIT_MOUNT/self'")
    t.equal(await place.read(`${self}/stdout`), `${place.server.split('/').at(-1)}\n`)
  })

  sentence('P31 With User a process has the ids of that user', async (t, place) => {
    const [uid, gid] = (await place.print('id -u nobody; id -g nobody')).split('\n')
    const status = `grep -E '^(Uid|Gid|Groups):' /proc/self/status | tr -s '\\t ' ' '`
    for (const user of ['nobody', uid]) {
      const anchor = await place.anchor(
        `mkproc ${JSON.stringify({ Path: 'sh', Args: ['-c', status], User: user })}`,
      )
      t.equal(
        (await place.read(`${anchor}/stdout`)).replaceAll(' \n', '\n'),
        `Uid: ${uid} ${uid} ${uid} ${uid}\nGid: ${gid} ${gid} ${gid} ${gid}\nGroups:\n`,
      )
    }
  })

  sentence("P32 With User and without Env the login's variables are that user's", async (t, place) => {
    const [, , , , , home, shell] = (await place.print('getent passwd nobody')).trim().split(':')
    const print = '["-c","echo $HOME $USER $LOGNAME $SHELL"]'
    const anchor = await place.anchor(`mkproc {"Path":"sh","Args":${print},"User":"nobody"}`)
    t.equal(await place.read(`${anchor}/stdout`), `${home} nobody nobody ${shell}\n`)
    const given = await place.anchor(`mkproc {"Path":"sh","Args":${print},"User":"nobody","Env":["HOME=/x"]}`)
    t.match(await place.read(`${given}/stdout`), /^\/x\s*\n$/)
  })

  sentence('P33 A Path without a slash is looked up in the PATH that the process gets', async (t, place) => {
    const dir = (
      await place.print(
        'D=$(mktemp -d); printf "#!/bin/sh\\necho mine\\n" > "$D/echo"; chmod +x "$D/echo"; echo "$D"',
      )
    ).trim()
    const output = async (spec: object): Promise<string> =>
      place.read(
        `${await place.anchor(`mkproc ${JSON.stringify({ Path: 'echo', Args: ['x'], ...spec })}`)}/stdout`,
      )
    t.equal(await output({}), 'x\n')
    t.equal(await output({ Env: [`PATH=/nowhere:${dir}`] }), 'mine\n')
    t.equal(await output({ Env: ['K=V'] }), 'x\n')
    t.equal(await output({ Path: `${dir}/echo`, Env: [] }), 'mine\n')
    const missing = await place.anchor()
    t.equal(await place.command(missing, 'mkproc {"Path":"echo","Env":["PATH=/nowhere"]}'), 'ENOENT')
    await place.print('rm -r "$D"', { D: dir })
  })

  sentence('P34 A program that cannot be started fails the write', async (t, place) => {
    const dir = (
      await place.print(
        'D=$(mktemp -d); printf "#!/no/interpreter\\n" > "$D/a"; chmod +x "$D/a"; : > "$D/b"; echo "$D"',
      )
    ).trim()
    const anchor = await place.anchor()
    const why = async (spec: object): Promise<string> => {
      const outcome = await place.command(anchor, `mkproc ${JSON.stringify(spec)}`)
      return `${outcome} ${(await place.read(`${anchor}/error`)).replace(/^.*?\}: /, '').trim()}`
    }
    t.equal(
      await why({ Path: 'no-such-program' }),
      "ENOENT can't run no-such-program: there is no program no-such-program in PATH",
    )
    t.equal(
      await why({ Path: '/no/program' }),
      "ENOENT can't run /no/program: there is no program /no/program",
    )
    t.match(await why({ Path: `${dir}/a` }), /^ENOENT .*interpreter/)
    t.match(await why({ Path: 'true', Dir: '/no/dir' }), /^ENOENT .*no directory \/no\/dir/)
    t.match(await why({ Path: `${dir}/b` }), /^EACCES /)
    t.match(await why({ Path: '/etc' }), /^EACCES /)
    t.match(await why({ Path: 'true', Dir: '/etc/passwd' }), /^ENOTDIR .*not a directory/)
    // mktemp's directory is closed to others: execvp(3) itself would say EACCES.
    t.match(
      await why({ Path: 'no-such-program', User: 'nobody', Env: [`PATH=${dir}:/usr/bin`] }),
      /^ENOENT .* in PATH$/,
    )
    t.match(await why({ Path: 'true', User: 'no-such-user' }), /^EINVAL there is no user no-such-user/)
    t.equal(await place.read(`${anchor}/peek`), 'null\n')
    t.equal(await place.command(anchor, 'run true'), 'ok', 'and the anchor is free')
    await place.print('rm -r "$D"', { D: dir })
  })

  sentence('P35 A scrubbed process lives on, its stdin open and its output discarded', async (t, place) => {
    const file = `${process.env.TMPDIR ?? '/tmp'}/scrubbed-${process.pid}`
    const script = `echo $$; while read -r line; do echo "$line"; done; head -c 1000000 /dev/zero; echo ended > ${file}`
    const anchor = await place.anchor(`run sh -c '${script}'`)
    const results = await place.python(
      `
      stdin, stdout = open('stdin', O_WRONLY | O_TRUNC), open('stdout')
      pid = read(stdout, 99).decode().strip()
      command(A, 'scrub')
      say(code(write, stdin, b'x'), code(read, stdout, 9))
      proc = '/proc/' + pid
      state = lambda: os.path.exists(proc) and __import__('builtins').open(proc + '/stat').read().split()[2]
      until(lambda: state() == 'S')
      say(os.path.exists(os.environ['F']))
      close(stdin)
      until(lambda: os.path.exists(os.environ['F']))
      say('ended')`,
      { A: anchor, F: file },
    )
    t.equal(results, 'ECANCELED ECANCELED\nFalse\nended\n')
    await place.print('rm "$F"', { F: file })
  })

  sentence('P36 A process that closes its stdin lives on', async (t, place) => {
    const anchor = await place.anchor('run sh -c "exec < /dev/null; echo closed; exec sleep 60"')
    const results = await place.python(
      `
      read(open('stdout'), 99)
      say(code(write, open('stdin', O_WRONLY | O_TRUNC), b'x'), json.loads(content('peek'))['Phase'])
      call = Call(write, open('stdin', O_WRONLY | O_APPEND), b'x' * (1 << 20))
      say(call.result())`,
      { A: anchor },
    )
    t.equal(results, 'EPIPE running\nEPIPE\n')
    t.equal(await place.command(anchor, 'kill'), 'ok')
  })
})
