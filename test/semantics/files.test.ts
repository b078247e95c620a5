/** The sentences F of docs/semantics.md: the files of every anchor. */
import { inEachPlace } from './place.ts'

inEachPlace((sentence) => {
  sentence('F1 A command that fails fails its write', async (t, place) => {
    const anchor = await place.anchor()
    const results = await place.python(
      `
      fd = open('ctl', O_WRONLY)
      say(code(write, fd, b'run /no/such/program'), code(write, fd, b'nonsense'), code(write, fd, b'scrub'))
      say(code(write, fd, b'mkchan'), code(write, fd, b'mkchan'), code(write, fd, b'kill'))`,
      { A: anchor },
    )
    t.equal(results, 'ENOENT EINVAL ENOENT\n6 EEXIST EOPNOTSUPP\n')
    const shell = await place.sh('/bin/echo mkchan > "$A/ctl"', { A: anchor })
    t.not(shell.status, 0)
    t.match(shell.stderr, /File exists/)
  })

  sentence('F2 What comes after a failing command in the same write is not run', async (t, place) => {
    const anchor = await place.anchor()
    t.equal(await place.command(anchor, 'mkchan 5\nscrub\nmkchan 6\nnonsense\nscrub\nmkchan 7\n'), 'EINVAL')
    t.equal(JSON.parse(await place.read(`${anchor}/peek`)).Cap, 6)
  })

  sentence(
    'F3 Reading ctl gives the outcome of the last command written on the same open file',
    async (t, place) => {
      const anchor = await place.anchor()
      const results = await place.python(
        `
      fd, other = open('ctl', O_RDWR), open('ctl', O_RDWR)
      code(write, fd, b'mkchan x')
      failed = read(fd, 999).decode()
      say(failed.split()[0], failed.count('\\n'), failed.endswith('\\n'), 'capacity' in failed, read(fd, 999))
      write(fd, b'mkchan 1')
      say(read(fd, 999))
      say(read(other, 999).decode().split()[0])`,
        { A: anchor },
      )
      t.equal(results, "EINVAL 1 True True b''\nb''\nmkproc\n")
    },
  )

  sentence('F4 On a fresh open ctl lists the verbs that are valid now', async (t, place) => {
    const anchor = await place.anchor()
    const verbs = async (path: string): Promise<string> =>
      (await place.read(`${path}/ctl`))
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0])
        .sort()
        .join(' ')
    t.equal(await verbs(anchor), 'mk@join mk@leave mkchan mkdkr mkdns mkproc run')
    await place.command(anchor, 'mkchan')
    t.equal(await verbs(anchor), 'close scrub')
    await place.command(anchor, 'scrub')
    await place.command(anchor, 'run true')
    t.equal(await verbs(anchor), 'close discard kill scrub signal')
    t.equal(await verbs(place.server), 'join leave suicide')
  })

  sentence('F5 error tells the last command that failed, whoever wrote it', async (t, place) => {
    const anchor = await place.anchor()
    const before = Date.now()
    await place.command(anchor, 'mkchan first')
    await place.command(anchor, 'nonsense')
    const pid = (
      await place.print(`sh -c 'echo "mkchan third" > "$A/ctl"; echo $$' 2> /dev/null`, { A: anchor })
    ).trim()
    const [time = '', ...words] = (await place.read(`${anchor}/error`)).split(' ')
    t.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    t.ok(Date.parse(time) >= before - 60_000 && Date.parse(time) <= Date.now() + 60_000)
    const said = words.join(' ')
    t.match(said, new RegExp(`^uid 0 pid ${pid}( on near)?: mkchan third: `))
    t.match(said, /capacity is a number/)
    // What the parser refuses, too, and on one line, whatever it has.
    await place.command(anchor, 'mkchan\nmkproc {\n"Path":\n"x"\n"y"\n}')
    t.match(
      await place.read(`${anchor}/error`),
      /^\S+ uid 0 pid \d+( on near)?: mkproc \{: not JSON: [^\n]+\n$/,
    )
    await place.command(anchor, 'mkproc {"Path":\nnonsense\n}')
    t.match(await place.read(`${anchor}/error`), /^\S+ uid 0 pid \d+( on near)?: mkproc [^\n]+\n$/)
    await place.command(anchor, "scrub\nrun echo 'a\nscrub")
    t.match(
      await place.read(`${anchor}/error`),
      /^\S+ uid 0 pid \d+( on near)?: run echo 'a: a quote does not end[^\n]+\n$/,
    )
  })

  sentence('F6 error is empty as long as no command has failed', async (t, place) => {
    const anchor = await place.anchor('mkchan')
    t.equal(await place.read(`${anchor}/error`), '')
    await place.command(anchor, 'mkchan')
    const failed = await place.read(`${anchor}/error`)
    t.not(failed, '')
    await place.command(anchor, 'scrub')
    t.equal(await place.read(`${anchor}/error`), failed)
    const other = await place.anchor()
    t.equal(await place.read(`${other}/error`), '')
  })

  sentence('F7 peek is JSON, indented with tabs', async (t, place) => {
    const anchor = await place.anchor()
    t.equal(await place.read(`${anchor}/peek`), 'null\n')
    await place.command(anchor, 'mkchan 3')
    const peek = await place.read(`${anchor}/peek`)
    t.equal(peek, `${JSON.stringify(JSON.parse(peek), null, '\t')}\n`)
    t.match(peek, /^\{\n\t"Cap": 3,\n/)
  })

  sentence('F8 peek, error and help are snapshots taken at open', async (t, place) => {
    const anchor = await place.anchor('mkchan')
    await place.command(anchor, 'kill')
    const results = await place.python(
      `
      whole = [content(name) for name in ('peek', 'error', 'help')]
      files = [open(name) for name in ('peek', 'error', 'help')]
      command(A, 'close')
      command(A, 'mkchan')
      command(A, 'scrub')
      texts = [os.pread(fd, 1 << 16, 0).decode() for fd in files]
      say(texts == whole, [os.pread(fd, 5, 7).decode() for fd in files] == [text[7:12] for text in whole])
      os.lseek(files[0], 3, os.SEEK_SET)
      say(read(files[0], 4).decode() == whole[0][3:7], os.pread(files[0], 9, 1 << 20))
      say([content(name) == text for name, text in zip(('peek', 'error', 'help'), whole)])`,
      { A: anchor },
    )
    t.equal(results, "True True\nTrue b''\n[False, False, False]\n")
  })

  sentence('F15 tail prints the end of a text of any length, and of a stream', async (t, place) => {
    const anchor = await place.anchor()
    const name = 'n'.repeat(200)
    const results = await place.print(
      `cd "$A" && for n in 1 2 3 4 5 6 7 8 9; do mkdir ${name}$n; done
      mkdir p && echo 'run seq 5000' > p/ctl && cat p/wait
      for n in 1 2 3 4 5 6 7 8 9; do rmdir ${name}$n; done
      tail -n 3 "$S/log" | sed 's/.*"op":"\\([a-z]*\\).*n\\([0-9]\\)".*/\\1 \\2/'
      tail -n 1 "$S/log" | wc -l; tail -n 2 p/stdout`,
      { A: anchor },
    )
    t.equal(results, '0\nremove 7\nremove 8\nremove 9\n1\n4999\n5000\n')
  })

  sentence('F9 peek of a process has its fields', async (t, place) => {
    const anchor = await place.anchor(
      'mkproc {"Path":"sh","Args":["-c","exit 3"],"Env":["PATH=/bin:/usr/bin"],"Dir":"/tmp","Stdout":"log","Stderr":"discard"}',
    )
    await place.read(`${anchor}/wait`)
    const peek = JSON.parse(await place.read(`${anchor}/peek`))
    t.strictSame(Object.keys(peek), [
      'Cmd',
      'Exit',
      'Phase',
      'Pid',
      'ExitCode',
      'Signal',
      'Started',
      'Finished',
    ])
    t.strictSame(peek.Cmd, {
      Env: ['PATH=/bin:/usr/bin'],
      Dir: '/tmp',
      Path: 'sh',
      Args: ['-c', 'exit 3'],
      Scrub: false,
      User: '',
      Detach: false,
      Stdout: 'log',
      Stderr: 'discard',
    })
    t.ok(Date.parse(peek.Finished) >= Date.parse(peek.Started))
    const live = await place.anchor('run sh -c "echo $$"')
    t.equal(JSON.parse(await place.read(`${live}/peek`)).Pid, Number(await place.read(`${live}/stdout`)))
  })

  sentence('F10 The Phase of a process', async (t, place) => {
    const state = async (path: string): Promise<unknown[]> => {
      const { Phase, ExitCode, Signal, Finished, Exit } = JSON.parse(await place.read(`${path}/peek`))
      return [Phase, ExitCode, Signal, Exit, Finished === null]
    }
    const anchor = await place.anchor('run cat')
    t.strictSame(await state(anchor), ['running', null, null, null, true])
    await place.command(anchor, 'signal STOP')
    await place.python('until(lambda: json.loads(content("peek"))["Phase"] == "stopped")', { A: anchor })
    t.strictSame(await state(anchor), ['stopped', null, null, null, true])
    await place.command(anchor, 'signal CONT')
    await place.python('until(lambda: json.loads(content("peek"))["Phase"] == "running")', { A: anchor })
    await place.print(': > "$A/stdin"; cat "$A/wait"', { A: anchor })
    t.strictSame(await state(anchor), ['exited', 0, null, null, false])
    const failed = await place.anchor('run sh -c "exit 3"')
    await place.read(`${failed}/wait`)
    t.strictSame(await state(failed), ['exited', 3, null, 'exit status 3', false])
    const killed = await place.anchor('run sleep 60')
    await place.command(killed, 'kill')
    await place.read(`${killed}/wait`)
    t.strictSame(await state(killed), ['signaled', null, 'SIGKILL', 'signal: SIGKILL', false])
  })

  sentence('F11 peek of a channel has its fields', async (t, place) => {
    const anchor = await place.anchor('mkchan 2')
    t.strictSame(JSON.parse(await place.read(`${anchor}/peek`)), {
      Cap: 2,
      Closed: false,
      Aborted: false,
      NumSend: 0,
      NumRecv: 0,
    })
    await place.print('echo a > "$A/send"; echo b > "$A/send"; cat "$A/recv"; echo close > "$A/ctl"', {
      A: anchor,
    })
    t.strictSame(JSON.parse(await place.read(`${anchor}/peek`)), {
      Cap: 2,
      Closed: true,
      Aborted: false,
      NumSend: 2,
      NumRecv: 1,
    })
  })

  sentence('F12 peek of a server has its fields', async (t, place) => {
    const peek = JSON.parse(await place.read(`${place.server}/peek`))
    t.strictSame(Object.keys(peek), [
      'Addr',
      'Joined',
      'Name',
      'Id',
      'Version',
      'Pid',
      'Node',
      'State',
      'Incarnation',
      'Health',
    ])
    t.equal(`${place.mount}/${peek.Id}`, place.server)
    t.match(peek.Version, /^\d+\.\d+\.\d+/)
    t.ok(Date.parse(peek.Joined) <= Date.now())
    t.ok(Number.isInteger(peek.Pid))
  })

  sentence('F13 help tells the files that are there and the verbs that are valid', async (t, place) => {
    const anchor = await place.anchor()
    const check = async (path: string, what: RegExp): Promise<void> => {
      const help = await place.read(`${path}/help`)
      t.match(help, what)
      const [, files = '', verbs = ''] = /^Files\n(.*?)\n\nCommands for ctl\n(.*?)\n\n/ms.exec(help) ?? []
      const listed = files.split('\n').map((line) => line.trim().split(' ')[0])
      const there = (await place.print('cd "$A"; find . -maxdepth 1 -type f -printf "%f\\n"', { A: path }))
        .trim()
        .split('\n')
      t.strictSame(listed.sort(), there.sort())
      const explained = verbs.match(/^ {2}\S.*$/gm)?.map((line) => line.trim())
      const valid = (await place.read(`${path}/ctl`)).trim().split('\n')
      t.strictSame(
        explained,
        valid.map((line) => line.split('  # ')[0]),
      )
    }
    await check(anchor, /It is empty/)
    await place.command(anchor, 'mkchan')
    await check(anchor, /It holds a chan/)
    await place.command(anchor, 'scrub')
    await place.command(anchor, 'run true')
    await check(anchor, /It holds a proc/)
    await check(place.server, /It holds a server/)
  })

  sentence('F14 Opening a file for what it does not do is EACCES', async (t, place) => {
    const channel = await place.anchor('mkchan')
    const process = await place.anchor('run true')
    const results = await place.python(
      `
      P = os.environ['P'] + '/'
      say({code(open, name, flags) for flags in (O_WRONLY, O_RDWR, O_WRONLY | O_TRUNC)
           for name in ['peek', 'error', 'help', P + 'stdout', P + 'stderr', P + 'wait', S + '/log', S + '/events', M + '/help']})
      say({code(open, name, flags) for flags in (O_RDONLY, O_RDWR) for name in ['send', P + 'stdin', P + 'signal']})
      say(code(open, 'recv', O_WRONLY), code(os.open, A, O_WRONLY), code(os.execv, P + 'stdout', ['x']))`,
      { A: channel, P: process },
    )
    t.equal(results, "{'EACCES'}\n{'EACCES'}\nEACCES EISDIR EACCES\n")
  })
})
