/** The sentences P of docs/semantics.md: processes. What happens to them when their server ends is in stop.test.ts. */
import { until } from '../server.ts'
import { inEachPlace } from './place.ts'

inEachPlace((sentence) => {
  sentence('P1 What is written to stdin reaches the process at once', async (t, place) => {
    const anchor = await place.anchor('run cat')
    const results = await place.python(
      `
      stdin, stdout = open('stdin', O_WRONLY | O_TRUNC), open('stdout')
      for n in range(20):
          write(stdin, b'%d' % n)
          assert read(stdout, 99) == b'%d' % n
      close(stdin)
      say(read(stdout, 99))`,
      { A: anchor },
    )
    t.equal(results, "b''\n")
  })

  sentence('P2 Opened with > stdin is the whole input', async (t, place) => {
    const anchor = await place.anchor('run cat')
    t.equal(await place.print('printf abc > "$A/stdin"; cat "$A/stdout" "$A/wait"', { A: anchor }), 'abc0\n')
    const shared = await place.anchor('run cat')
    const results = await place.python(
      `
      first, second, part = open('stdin', O_WRONLY | O_TRUNC), open('stdin', O_WRONLY), open('stdin', O_WRONLY | O_APPEND)
      write(first, b'a')
      write(second, b'b')
      close(first)
      write(second, b'c')
      write(part, b'd')
      close(second)
      say(content('stdout'), code(write, part, b'e'))`,
      { A: shared },
    )
    t.equal(results, 'abcd EPIPE\n', 'the last such open file ends it')
  })

  sentence('P3 : > stdin just ends the input', async (t, place) => {
    const anchor = await place.anchor('run wc -c')
    t.equal(
      await place.print('echo 123 >> "$A/stdin"; : > "$A/stdin"; cat "$A/stdout"', { A: anchor }),
      '4\n',
    )
  })

  sentence('P4 Opened with >> stdin is a part of the input', async (t, place) => {
    const anchor = await place.anchor('run cat')
    const stdout = await place.print(
      `echo a >> "$A/stdin"; : >> "$A/stdin"; echo b >> "$A/stdin"; exec 3< "$A/stdout"
       head -c 4 <&3; echo c >> "$A/stdin"; head -c 2 <&3; : > "$A/stdin"; cat <&3`,
      { A: anchor },
    )
    t.equal(stdout, 'a\nb\nc\n')
  })

  sentence('P5 A write to stdin blocks while the pipe is full', async (t, place) => {
    const anchor = await place.anchor('run sleep 60')
    const results = await place.python(
      `
      stdin = open('stdin', O_WRONLY | O_APPEND)
      call = Call(write, stdin, b'x' * (1 << 20))
      blocked(1)
      fd = open('stdin', O_WRONLY | O_APPEND | O_NONBLOCK)
      say(code(write, fd, b'x'), call.done)
      command(A, 'signal STOP')
      command(A, 'signal CONT')
      say(call.done)`,
      { A: anchor },
    )
    t.equal(results, 'EAGAIN False\nFalse\n')
    const second = await place.anchor('run sh -c "kill -STOP $$; exec wc -c"')
    const more = await place.python(
      `
      stdin = open('stdin', O_WRONLY | O_TRUNC)
      call = Call(write, stdin, b'x' * (1 << 20))
      blocked(1)
      until(lambda: json.loads(content('peek'))['Phase'] == 'stopped')
      command(A, 'signal CONT')
      say(call.result())
      close(stdin)
      say(content('stdout'), end='')`,
      { A: second },
    )
    t.equal(more, '1048576\n1048576\n')
    t.equal(await place.command(anchor, 'kill'), 'ok')
  })

  sentence('P6 Writing to a closed stdin is EPIPE, opening it is not', async (t, place) => {
    const closed = await place.anchor('run cat')
    await place.command(closed, 'close stdin')
    const ended = await place.anchor('run true')
    await place.read(`${ended}/wait`)
    const script = `
      fds = [open('stdin', flags) for flags in (O_WRONLY, O_WRONLY | O_TRUNC, O_WRONLY | O_APPEND)]
      say(*(code(write, fd, b'x') for fd in fds))`
    t.equal(await place.python(script, { A: closed }), 'EPIPE EPIPE EPIPE\n')
    t.equal(await place.python(script, { A: ended }), 'EPIPE EPIPE EPIPE\n')
    const blocked = await place.anchor('run sleep 60')
    const results = await place.python(
      `
      call = Call(write, open('stdin', O_WRONLY | O_APPEND), b'x' * (1 << 20))
      blocked(1)
      command(A, 'kill')
      first = call.result()
      say('part' if isinstance(first, int) and first < 1 << 20 else first)`,
      { A: blocked },
    )
    t.equal(results, 'part\n', 'a blocked write says what the pipe took')
  })

  sentence('P7 stdout and stderr give bytes as soon as they are written', async (t, place) => {
    const anchor = await place.anchor(
      `run sh -c 'while read -r line; do echo "out $line"; echo "err $line" >&2; done'`,
    )
    const results = await place.python(
      `
      stdin, stdout, stderr = open('stdin', O_WRONLY | O_TRUNC), open('stdout'), open('stderr')
      for n in b'1', b'2':
          out, err = Call(read, stdout, 99), Call(read, stderr, 99)
          blocked(2)
          write(stdin, n + b'\\n')
          say(out.result(), err.result())`,
      { A: anchor },
    )
    t.equal(results, "b'out 1\\n' b'err 1\\n'\nb'out 2\\n' b'err 2\\n'\n")
  })

  sentence('P8 An output ends when all have closed it and all is read', async (t, place) => {
    const anchor = await place.anchor('run sh -c "sleep 60 & echo $!; exec true"')
    const results = await place.python(
      `
      say(content('wait').strip())
      stdout = open('stdout')
      pid = int(read(stdout, 99))
      call = Call(read, stdout, 99)
      blocked(1)
      say(call.done)
      os.kill(pid, signal.SIGKILL)
      say(call.result(), read(stdout, 99))`,
      { A: anchor },
    )
    t.equal(results, "0\nFalse\nb'' b''\n")
    const unread = await place.anchor('run echo unread')
    await place.read(`${unread}/wait`)
    t.equal(await place.print('cat "$A/stdout" "$A/stdout" "$A/stderr"', { A: unread }), 'unread\n')
  })

  sentence('P9 Each byte goes to one reader', async (t, place) => {
    const anchor = await place.anchor('run seq 100000')
    const { stdout } = await place.sh(
      `for n in 1 2 3 4; do cat "$A/stdout" > "$T.$n" & done; wait; cat "$T".? | tr -d '\\n' | wc -c
       cat "$T".? | wc -l; rm "$T".?`,
      { A: anchor, T: `${process.env.TMPDIR ?? '/tmp'}/readers-${process.pid}` },
    )
    t.equal(stdout, '488895\n100000\n')
  })

  sentence('P10 A reader that goes away leaves the rest for the next', async (t, place) => {
    const anchor = await place.anchor('run seq 1000')
    const results = await place.python(
      `
      expected = ''.join('%d\\n' % n for n in range(1, 1001)).encode()
      content('wait')
      got = b''
      for size in 1, 5, 100, 1000, 100000:
          fd = open('stdout')
          got += read(fd, size)
          close(fd)
      say(got == expected, len(got))`,
      { A: anchor },
    )
    t.equal(results, 'True 3893\n')
  })

  sentence('P11 To the process its streams are real pipes', async (t, place) => {
    for (const user of ['root', 'nobody']) {
      const script =
        'echo out > /dev/stdout; echo err > /dev/stderr; cat /dev/stdin; [ -p /dev/fd/0 ] && [ -p /dev/fd/1 ] && [ -p /dev/fd/2 ]'
      const anchor = await place.anchor(
        `mkproc ${JSON.stringify({ Path: 'sh', Args: ['-c', script], User: user })}`,
      )
      t.equal(
        await place.print('echo in > "$A/stdin"; cat "$A/stdout" "$A/stderr" "$A/wait"', { A: anchor }),
        'out\nin\nerr\n0\n',
        user,
      )
    }
    const ended = await place.anchor('run sh -c "cat; cat /dev/stdin; echo end"')
    t.equal(await place.print('echo in > "$A/stdin"; cat "$A/stdout"', { A: ended }), 'in\nend\n')
  })

  sentence('P12 The process blocks while nobody reads', async (t, place) => {
    const anchor = await place.anchor('run sh -c "head -c 1000000 /dev/zero; echo end >&2"')
    const results = await place.python(
      `
      errors = Call(content, 'stderr')
      stdout = open('stdout')
      read(stdout, 100)
      blocked(1)
      say(errors.done, json.loads(content('peek'))['Phase'])
      total = 100
      while data := read(stdout, 1 << 17): total += len(data)
      say(total, errors.result(), end='')`,
      { A: anchor },
    )
    t.equal(results, 'False running\n1000000 end\n')
  })

  sentence('P13 A discarded output goes to /dev/null', async (t, place) => {
    const anchor = await place.anchor(
      `mkproc {"Path":"sh","Args":["-c","readlink /proc/$$/fd/1 | cat >&2; head -c 1000000 /dev/zero"],"Stdout":"discard"}`,
    )
    t.equal(await place.print('cat "$A/wait" "$A/stdout"', { A: anchor }), '0\n')
    t.match(await place.read(`${anchor}/stderr`), /^\/dev\/null\n$/)
  })

  sentence('P14 Of a log the last bytes are kept, and the process never blocks', async (t, place) => {
    const anchor = await place.anchor(
      'mkproc {"Path":"sh","Args":["-c","seq 1000000; seq 1000000 >&2"],"Stdout":"log","Stderr":"log","Log":5000}',
    )
    t.equal(await place.read(`${anchor}/wait`), '0\n')
    const all = Array.from({ length: 1000000 }, (_, n) => `${n + 1}\n`).join('')
    t.equal(await place.read(`${anchor}/stdout`), all.slice(-5000))
    t.equal(await place.read(`${anchor}/stderr`), all.slice(-5000))
    const other = await place.anchor('mkproc {"Path":"seq","Args":["1000000"],"Stdout":"log"}')
    await place.read(`${other}/wait`)
    const kept = await place.read(`${other}/stdout`)
    t.equal(kept.length, 1 << 20)
    t.ok(all.endsWith(kept))
  })

  sentence('P15 Every reader of a log gets its own copy, following to the end', async (t, place) => {
    const anchor = await place.anchor('mkproc {"Path":"cat","Stdout":"log"}')
    const results = await place.python(
      `
      stdin = open('stdin', O_WRONLY | O_TRUNC)
      write(stdin, b'old ')
      first = open('stdout')
      say(read(first, 99))
      readers = [Call(content, 'stdout') for _ in range(3)]
      blocked(3)
      write(stdin, b'new')
      close(stdin)
      say(read(first, 99), [reader.result() for reader in readers], content('stdout'), read(first, 99))`,
      { A: anchor },
    )
    t.equal(results, "b'old '\nb'new' ['old new', 'old new', 'old new'] old new b''\n")
  })

  sentence('P16 wait blocks until the end, and says the status as a shell does', async (t, place) => {
    const anchor = await place.anchor('run sh -c "read line; exit 3"')
    const results = await place.python(
      `
      call = Call(content, 'wait')
      blocked(1)
      close(open('stdin', O_WRONLY | O_TRUNC))
      say(repr(call.result()))`,
      { A: anchor },
    )
    t.equal(results, "'3\\n'\n")
    for (const [command, status] of [
      ['true', 0],
      ['false', 1],
      ['sh -c "exit 255"', 255],
      ['sh -c "kill -TERM $$"', 143],
      ['sh -c "kill -KILL $$"', 137],
      ['sh -c "kill -SEGV $$"', 139],
    ] as const)
      t.equal(await place.read(`${await place.anchor(`run ${command}`)}/wait`), `${status}\n`, command)
  })

  sentence('P17 wait depends neither on stdin nor on unread output', async (t, place) => {
    const anchor = await place.anchor('run sh -c "echo unread; echo unread >&2; exit 2"')
    const results = await place.python(
      `
      stdin = open('stdin', O_WRONLY | O_TRUNC)
      say(content('wait'), content('stdout'), content('stderr'))`,
      { A: anchor },
    )
    t.equal(results, '2\n unread\n unread\n\n')
  })

  sentence('P18 Any number of readers can read wait, any number of times', async (t, place) => {
    const anchor = await place.anchor('run sh -c "read line; exit 4"')
    const results = await place.python(
      `
      calls = [Call(content, 'wait') for _ in range(20)]
      blocked(20)
      close(open('stdin', O_WRONLY | O_TRUNC))
      say({call.result() for call in calls}, {content('wait') for _ in range(20)})
      fd = open('wait')
      say(read(fd, 1), read(fd, 99), read(fd, 99))`,
      { A: anchor },
    )
    t.equal(results, "{'4\\n'} {'4\\n'}\nb'4' b'\\n' b''\n")
  })

  sentence('P19 signal takes names and numbers', async (t, place) => {
    const script =
      'trap "echo usr1" USR1; trap "echo term; exit 5" TERM; echo ready; while :; do read -r line; done'
    const anchor = await place.anchor(`run sh -c '${script}'`)
    const results = await place.python(
      `
      part = open('stdin', O_WRONLY | O_APPEND)
      stdout = open('stdout')
      read(stdout, 99)
      for name in 'USR1', 'SIGUSR1', 'usr1', 'SigUsr1', '10', 'USR1\\n', ' 10 \\n':
          fd = open('signal', O_WRONLY | O_TRUNC)
          write(fd, name.encode())
          close(fd)
          say(read(stdout, 99).decode().strip(), end=' ')
      write(open('signal', O_WRONLY), b'TERM')
      say(read(stdout, 99).decode().strip(), content('wait').strip())`,
      { A: anchor },
    )
    t.equal(results, `${'usr1 '.repeat(7)}term 5\n`)
    const shell = await place.anchor('run sleep 60')
    t.equal(await place.print('echo HUP > "$A/signal"; cat "$A/wait"', { A: shell }), '129\n')
  })

  sentence('P20 An unknown signal is EINVAL, one after the end ESRCH', async (t, place) => {
    const anchor = await place.anchor('run cat')
    const results = await place.python(
      `
      fd = open('signal', O_WRONLY)
      say(*(code(write, fd, name) for name in [b'FOO', b'SIG', b'0', b'65', b'-9', b'1e1', b'\\n', b'TERM INT', b'\\xff']))
      say(json.loads(content('peek'))['Phase'])
      close(open('stdin', O_WRONLY | O_TRUNC))
      content('wait')
      say(code(write, fd, b'TERM'), code(write, open('signal', O_WRONLY), b'9'), code(write, fd, b'FOO'))`,
      { A: anchor },
    )
    t.equal(results, `${'EINVAL '.repeat(8)}EINVAL\nrunning\nESRCH ESRCH EINVAL\n`)
  })

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

  sentence(
    'P22 With Scrub the process leaves its anchor at its end; waiters get the status first',
    async (t, place) => {
      const anchor = await place.anchor('mkproc {"Path":"sh","Args":["-c","read line; exit 6"],"Scrub":true}')
      const results = await place.python(
        `
      waiting, open_before = Call(content, 'wait'), open('wait')
      blocked(1)
      close(open('stdin', O_WRONLY | O_TRUNC))
      say(waiting.result().strip(), content('peek').strip(), sorted(os.listdir(A)), read(open_before, 99))`,
        { A: anchor },
      )
      t.equal(results, "6 null ['ctl', 'error', 'help', 'peek'] b'6\\n'\n")
      t.equal(await place.command(anchor, 'mkchan'), 'ok')
    },
  )

  sentence('P23 With Scrub open readers read to the end, other output is dropped', async (t, place) => {
    const spec = { Path: 'sh', Args: ['-c', 'echo out; echo err >&2; read line; echo end'], Scrub: true }
    const anchor = await place.anchor(`mkproc ${JSON.stringify(spec)}`)
    const results = await place.python(
      `
      first, second = open('stdout'), open('stdout')
      close(open('stdin', O_WRONLY | O_TRUNC))
      until(lambda: not os.path.exists(A + '/wait'))
      data = b''
      while piece := read(first, 2): data += piece
      say(data, read(second, 9), code(open, 'stderr'))`,
      { A: anchor },
    )
    t.equal(results, "b'out\\nend\\n' b'' ENOENT\n")
    const log = await place.anchor(`mkproc ${JSON.stringify({ ...spec, Stdout: 'log' })}`)
    const logged = await place.python(
      `
      fd = open('stdout')
      close(open('stdin', O_WRONLY | O_TRUNC))
      until(lambda: not os.path.exists(A + '/wait'))
      data = b''
      while piece := read(fd, 2): data += piece
      say(data)`,
      { A: log },
    )
    t.equal(logged, "b'out\\nend\\n'\n")
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
