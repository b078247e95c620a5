/** The sentences T of docs/semantics.md: the tree. */
import { inEachPlace } from './place.ts'

inEachPlace((sentence) => {
  sentence('T1 The root holds help, self, by-name and the live servers', async (t, place) => {
    const names = (await place.print('ls -A "$M"')).trim().split('\n')
    t.strictSame(
      names.filter((name) => !/^X[0-9a-f]{16}$/.test(name)),
      ['by-name', 'help', 'self'],
    )
    t.ok(names.includes(place.server.slice(place.mount.length + 1)), 'the server is among them')
  })

  sentence('T2 A server has an X and 16 hexadecimal digits for a name', async (t, place) => {
    t.match(place.server, /\/X[0-9a-f]{16}$/)
    t.equal(await place.print('stat -c %F "$S"'), 'directory\n')
  })

  sentence('T3 self is a link to the server that has mounted the tree', async (t, place) => {
    const id = (await place.print('readlink "$M/self"')).trim()
    t.match(id, /^X[0-9a-f]{16}$/)
    const { Id } = JSON.parse(await place.read(`${place.mount}/self/peek`))
    t.equal(Id, id)
  })

  sentence('T4 by-name has a link to a server by its name', async (t, place) => {
    const { Name, Id } = JSON.parse(await place.read(`${place.server}/peek`))
    t.equal(await place.print('readlink "$M/by-name/$N"', { N: Name }), `../${Id}\n`)
    t.equal(
      await place.print('cd "$M/by-name/$N/." && cat peek', { N: Name }),
      await place.read(`${place.server}/peek`),
    )
    const missing = await place.sh('stat "$M/by-name/nobody"')
    t.match(missing.stderr, /No such file/)
  })

  sentence('T5 help in the root has commands that work as they stand there', async (t, place) => {
    const help = await place.read(`${place.mount}/help`)
    const commands = help
      .split('\n')
      .flatMap((line) => /^ {2}((?:mkdir|echo|cat|rmdir) .*?)(?: {2,}.*)?$/.exec(line)?.[1] ?? [])
    t.ok(commands.length >= 8, 'examples are found')
    // Not this server, which others of these tests use, but its anchors' names are free there.
    const { status, stdout, stderr } = await place.sh(`cd "$M" && set -e\n${commands.join('\n')}\nwait`)
    t.equal(stderr, '')
    t.equal(status, 0)
    const lines = stdout.split('\n')
    t.equal(lines[1], '0', 'the status of date')
    t.equal(lines[2], 'hello', 'the message')
    await place.print('echo close > "$M/self/talk/ctl"; rmdir "$M/self/talk"; [ ! -e "$M/self/hello" ]')
  })

  sentence('T6 Nothing can be made or removed in the root and in by-name', async (t, place) => {
    const results = await place.python(`
      for path in [M + '/x', M + '/by-name/x', M + '/self/../x']:
          say(code(os.mkdir, path), code(os.open, path, O_WRONLY | O_CREAT), code(os.symlink, 'x', path))
      say(code(os.rmdir, M + '/by-name'), code(os.rmdir, S), code(os.unlink, M + '/help'), code(os.unlink, M + '/self'))
      say(code(os.rename, M + '/help', M + '/x'))`)
    t.equal(results, `${'EPERM EPERM EPERM\n'.repeat(3)}EPERM EPERM EPERM EPERM\nEPERM\n`)
  })

  sentence('T7 mkdir makes anchors', async (t, place) => {
    const anchor = await place.anchor()
    await place.print(
      'mkdir "$A/one"; mkdir -p "$A/one/two/three"; mkdir -p "$A/one/two/three"; cat "$A/one/two/three/peek"',
      { A: anchor },
    )
    const results = await place.python(
      `say(code(os.mkdir, A + '/no/anchor'), code(os.mkdir, A + '/one'), code(os.mkdir, A + '/peek/x'))`,
      { A: anchor },
    )
    t.equal(results, 'ENOENT EEXIST ENOTDIR\n')
  })

  sentence('T8 A new anchor holds ctl, error, peek and help, and no element', async (t, place) => {
    const anchor = await place.anchor()
    t.equal(await place.print('ls -A "$A"', { A: anchor }), 'ctl\nerror\nhelp\npeek\n')
    t.equal(await place.read(`${anchor}/peek`), 'null\n')
  })

  sentence('T9 An anchor with an element holds anchors too', async (t, place) => {
    const anchor = await place.anchor('mkchan')
    await place.print('mkdir "$A/a"; echo mkchan > "$A/a/ctl"; mkdir "$A/a/b"; cat "$A/a/b/peek"', {
      A: anchor,
    })
    t.match(await place.print('ls -A "$A/a"', { A: anchor }), /^b\nctl\n.*recv\nsend\n$/s)
  })

  sentence('T10 rmdir removes an anchor without an element', async (t, place) => {
    const anchor = await place.anchor()
    const { status, stdout } = await place.sh(
      'rmdir "$A" && ls -A "$S" | grep -x "$(basename "$A")"; [ ! -e "$A" ]',
      { A: anchor },
    )
    t.equal(stdout, '')
    t.equal(status, 0)
  })

  sentence('T11 rmdir of an anchor with child anchors is ENOTEMPTY', async (t, place) => {
    const anchor = await place.anchor('mkchan')
    await place.print('mkdir "$A/a"; echo close > "$A/ctl"', { A: anchor })
    t.equal(
      await place.python('say(code(os.rmdir, A)); os.rmdir(A + "/a"); say(code(os.rmdir, A))', { A: anchor }),
      'ENOTEMPTY\nNone\n',
    )
  })

  sentence('T12 rmdir of an anchor with a living element is EBUSY', async (t, place) => {
    const process = await place.anchor('run cat')
    t.equal(await place.python('say(code(os.rmdir, A))', { A: process }), 'EBUSY\n')
    t.equal(
      await place.print('echo alive > "$A/stdin"; cat "$A/stdout"', { A: process }),
      'alive\n',
      'and it lives on',
    )
    const channel = await place.anchor('mkchan 1')
    t.equal(await place.python('say(code(os.rmdir, A))', { A: channel }), 'EBUSY\n')
    t.equal(await place.print('echo alive > "$A/send"; cat "$A/recv"', { A: channel }), 'alive\n')
  })

  sentence('T13 A finished element goes with its anchor', async (t, place) => {
    const process = await place.anchor('run echo unread')
    await place.print('cat "$A/wait"; rmdir "$A"; [ ! -e "$A" ]', { A: process })
    const channel = await place.anchor('mkchan 1')
    await place.print('echo unread > "$A/send"; echo close > "$A/ctl"; rmdir "$A"; [ ! -e "$A" ]', {
      A: channel,
    })
    t.pass()
  })

  sentence('T14 An anchor stays, with what it holds, until it is removed', async (t, place) => {
    const anchor = await place.anchor('run sh -c "echo kept; exit 4"')
    await place.read(`${anchor}/wait`)
    // Another program, later: nothing of the first is open any more.
    t.equal(await place.print('cat "$A/stdout" "$A/wait"', { A: anchor }), 'kept\n4\n')
    t.equal(JSON.parse(await place.read(`${anchor}/peek`)).ExitCode, 4)
  })

  sentence('T15 Anchors are not renamed', async (t, place) => {
    const anchor = await place.anchor()
    const results = await place.python(
      `say(code(os.rename, A, A + 'x'), code(os.rename, A, S + '/peek'), os.path.isdir(A), os.path.exists(A + 'x'))`,
      { A: anchor },
    )
    t.equal(results.split(' ')[0], 'EPERM')
    t.match(results, / True False\n$/)
    const moved = await place.sh('mv "$A" "$A"x', { A: anchor })
    t.match(moved.stderr, /not permitted/)
  })

  sentence('T16 An anchor holds at most one element', async (t, place) => {
    const anchor = await place.anchor('mkchan 7')
    t.equal(await place.command(anchor, 'mkchan 8'), 'EEXIST')
    t.equal(await place.command(anchor, 'run true'), 'EEXIST')
    t.equal(JSON.parse(await place.read(`${anchor}/peek`)).Cap, 7)
    const both = await place.anchor()
    const results = await place.python(
      `calls = [Call(command, A, 'run sleep 60') for _ in range(8)]; say(*sorted(call.result() for call in calls))`,
      { A: both },
    )
    t.equal(results, `${'EEXIST '.repeat(7)}ok\n`, 'at the same time, too')
    t.equal(await place.command(both, 'kill'), 'ok')
  })

  sentence("T17 A server's anchor holds the server", async (t, place) => {
    t.equal(await place.command(place.server, 'mkchan'), 'EEXIST')
    t.equal(await place.command(place.server, 'run true'), 'EEXIST')
    t.equal(await place.command(place.server, 'scrub'), 'EOPNOTSUPP')
    t.equal(await place.print('cd "$S"; ls -A ctl peek error help log events metrics | wc -l'), '7\n')
  })

  sentence('T18 The names of special files are reserved everywhere', async (t, place) => {
    const anchor = await place.anchor()
    const help = await place.read(`${anchor}/help`)
    const names = /can't be names of anchors: (.*)$/m.exec(help)?.[1]?.split(' ') ?? []
    const expected = [
      'ctl',
      'peek',
      'error',
      'help',
      'stdin',
      'stdout',
      'stderr',
      'wait',
      'signal',
      'send',
      'recv',
      'log',
    ]
    t.strictSame(
      expected.filter((name) => !names.includes(name)),
      [],
    )
    const results = await place.python(
      `say(*{code(os.mkdir, A + '/' + name) for name in os.environ['NAMES'].split()})`,
      { A: anchor, NAMES: names.join(' ') },
    )
    t.equal(results, 'EEXIST\n')
  })

  sentence('T19 A name is 1 to 255 bytes', async (t, place) => {
    const anchor = await place.anchor()
    const results = await place.python(
      String.raw`
      a = A.encode() + b'/'
      names = [b'n' * 255, b'two words', b'line\nbreak', '\u00e4\u6f22\U0001f600'.encode(), b'\xff\x00'[:1] + b'\xfe', b'..x', b'-rf', b'*', b'\xed\xa0\x80']
      for name in names:
          os.mkdir(a + name)
          os.mkdir(a + name + b'/below')
          os.stat(a + name + b'/below')
      say(set(os.listdir(a)) >= set(names), len(os.listdir(a)))
      for name in names:
          os.rmdir(a + name + b'/below')
          os.rmdir(a + name)
      say(len(os.listdir(a)), code(os.mkdir, a + b'n' * 256), code(os.mkdir, a + b'n' * 256 + b'/x'), code(os.stat, a + b'n' * 256))`,
      { A: anchor },
    )
    t.equal(results, 'True 13\n4 ENAMETOOLONG ENAMETOOLONG ENAMETOOLONG\n')
  })

  sentence('T20 Files are not made, removed, renamed or linked', async (t, place) => {
    const anchor = await place.anchor('mkchan')
    const results = await place.python(
      `
      say(*(code(os.open, A + '/' + name, O_WRONLY | O_CREAT) for name in ['x', 'stdin', 'wait']))
      say(code(os.unlink, A + '/send'), code(os.rename, A + '/send', A + '/x'), code(os.rename, A + '/send', A + '/recv'))
      say(code(os.link, A + '/send', A + '/x'), code(os.symlink, 'send', A + '/x'), code(os.mkfifo, A + '/x'), code(os.mknod, A + '/x'))
      say(code(os.rmdir, A + '/send'), sorted(os.listdir(A)))
      fd = os.open(A + '/error', O_RDONLY | O_CREAT)
      say(read(fd, 9))`,
      { A: anchor },
    )
    t.equal(
      results,
      `EPERM EPERM EPERM
EPERM EPERM EPERM
EPERM EPERM EPERM EPERM
ENOTDIR ['ctl', 'error', 'help', 'peek', 'recv', 'send']
b''
`,
    )
  })

  sentence('T21 chmod, chown, utimes and truncate succeed and do nothing', async (t, place) => {
    const anchor = await place.anchor('mkchan 1')
    const results = await place.python(
      `
      for path in [A, A + '/ctl', A + '/send', A + '/recv', A + '/peek']:
          before = os.stat(path)
          os.chmod(path, 0o777)
          os.chown(path, 65534, 65534)
          os.utime(path, (1, 1))
          if path != A: os.truncate(path, 100)
          after = os.stat(path)
          say(before.st_mode == after.st_mode, before.st_uid == after.st_uid, before.st_mtime == after.st_mtime, after.st_size)`,
      { A: anchor },
    )
    t.equal(results, 'True True True 0\n'.repeat(5))
    await place.print(
      'touch "$A" "$A/send" "$A/recv" "$A/ctl"; echo mkchan > "$T"; cp -p "$T" "$A/send"; rm "$T"; cat "$A/recv"',
      { A: anchor, T: `${process.env.TMPDIR ?? '/tmp'}/semantics-${process.pid}` },
    )
  })

  sentence('T22 Modes say what can be done', async (t, place) => {
    const channel = await place.anchor('mkchan')
    const files = 'stat -c "%a %n" . ctl error peek help'
    t.equal(
      await place.print(`cd "$A"; ${files} send recv`, { A: channel }),
      '700 .\n600 ctl\n400 error\n400 peek\n400 help\n200 send\n600 recv\n',
    )
    const process = await place.anchor('run true')
    t.equal(
      await place.print('cd "$A"; stat -c "%a %n" stdin stdout stderr wait signal', { A: process }),
      '200 stdin\n400 stdout\n400 stderr\n400 wait\n200 signal\n',
    )
  })

  sentence('T23 stat says size 0', async (t, place) => {
    const process = await place.anchor('run echo something')
    await place.read(`${process}/wait`)
    const sizes = await place.print(
      'cd "$A"; stat -c %s *; cat help > /dev/null; exec < help; stat -L -c %s /dev/stdin',
      {
        A: process,
      },
    )
    t.equal(sizes, '0\n'.repeat(10))
  })

  sentence('T24 stat never blocks', async (t, place) => {
    const channel = await place.anchor('mkchan')
    const process = await place.anchor('run sleep 60')
    const results = await place.python(
      `
      files = [A + '/recv', P + '/stdout', P + '/stderr', P + '/wait']
      calls = [Call(read, os.open(file, O_RDONLY), 1) for file in files]
      blocked(4)
      pipe = os.open(P + '/stdin', O_WRONLY | O_APPEND)
      calls.append(Call(write, pipe, b'x' * (1 << 20)))
      blocked(5)
      say(*(os.stat(file).st_size for file in files + [P + '/stdin', A + '/send']), os.fstat(pipe).st_size)
      say(sorted(os.listdir(A)), [call.done for call in calls])`.replaceAll('P +', 'os.environ["P"] +'),
      { A: channel, P: process },
    )
    t.equal(
      results,
      "0 0 0 0 0 0 0\n['ctl', 'error', 'help', 'peek', 'recv', 'send'] [False, False, False, False, False]\n",
    )
    t.equal(await place.command(process, 'kill'), 'ok')
  })

  sentence('T25 ls shows the files that are there now, and the child anchors', async (t, place) => {
    const anchor = await place.anchor()
    await place.print('mkdir "$A/child"', { A: anchor })
    const list = async (): Promise<string> =>
      (await place.print('ls -A "$A"', { A: anchor })).trim().replaceAll('\n', ' ')
    const own = 'child ctl error help peek'
    t.equal(await list(), own)
    await place.command(anchor, 'mkchan')
    t.equal(await list(), `${own} recv send`)
    await place.command(anchor, 'scrub')
    t.equal(await list(), own)
    await place.command(anchor, 'run true')
    t.equal(await list(), `${own} signal stderr stdin stdout wait`)
    t.equal(
      await place.print('cd "$A"; stat -c %F child stdin', { A: anchor }),
      'directory\nregular empty file\n',
    )
  })

  sentence('T26 When a call has returned, every later call sees it', async (t, place) => {
    const anchor = await place.anchor()
    const results = await place.python(
      `
      seen = 0
      for n in range(many(50)):
          path = A + '/n'
          seen += not os.path.exists(path)
          os.mkdir(path)
          seen += os.path.isdir(path) and os.listdir(A).count('n') == 1
          seen += not os.path.exists(path + '/send')
          command(path, 'mkchan 1')
          seen += os.path.exists(path + '/send')
          seen += json.loads(content(path + '/peek'))['NumSend'] == 0
          fd = os.open(path + '/send', O_WRONLY | O_APPEND)
          write(fd, b'x')
          seen += json.loads(content(path + '/peek'))['NumSend'] == 1
          close(fd)
          command(path, 'scrub')
          seen += code(os.stat, path + '/send') == 'ENOENT' and content(path + '/peek') == 'null\\n'
          os.rmdir(path)
          seen += code(os.stat, path) == 'ENOENT' and code(os.open, path + '/ctl', O_WRONLY) == 'ENOENT'
      say(seen == 8 * many(50))`,
      { A: anchor },
    )
    t.equal(results, 'True\n')
  })

  sentence('T27 The end mark of a closed file comes in order with later calls', async (t, place) => {
    const channel = await place.anchor('mkchan 64')
    const process = await place.anchor('run cat')
    const results = await place.python(
      `
      for n in range(many(50)):
          fd = open('send', O_WRONLY | O_TRUNC)
          if n % 2: write(fd, b'%d' % n)
          close(fd)
      fd = open('recv', O_RDONLY | O_NONBLOCK)
      close(fd)
      for n in range(many(50)):
          fd = open('recv', O_RDONLY | O_NONBLOCK)
          data = read(fd, 99)
          assert data == (b'%d' % n if n % 2 else b''), data
          assert read(fd, 99) == b''
          close(fd)
      P = os.environ['P']
      fd = os.open(P + '/stdin', O_WRONLY | O_TRUNC)
      write(fd, b'all')
      close(fd)
      say(code(write, os.open(P + '/stdin', O_WRONLY | O_APPEND), b'more'), content(P + '/stdout'))`,
      { A: channel, P: process },
    )
    t.equal(results, 'EPIPE all\n')
  })

  sentence('T28 A removed anchor is gone for those who stand in it', async (t, place) => {
    const anchor = await place.anchor()
    const results = await place.python(
      `
      os.chdir(A)
      ctl, number = os.open('ctl', O_WRONLY), os.stat('.').st_ino
      os.rmdir(A)
      say(code(os.stat, 'ctl'), code(os.mkdir, 'x'), code(os.open, 'peek', O_RDONLY), code(os.listdir, '.'))
      os.mkdir(A)
      say(code(os.stat, 'ctl'), code(os.mkdir, 'x'), code(os.open, 'peek', O_RDONLY), code(write, ctl, b'mkchan'))
      say(content(A + '/peek').strip(), os.stat(A).st_ino != number)`,
      { A: anchor },
    )
    t.equal(results, 'ENOENT ENOENT ENOENT ENOENT\nENOENT ENOENT ENOENT ENOENT\nnull True\n')
  })

  sentence('T29 find -delete removes a tree of finished anchors', async (t, place) => {
    const anchor = await place.anchor()
    await place.print(
      `for n in 1 2 3; do mkdir -p "$A/$n/a/b" "$A/$n/c"; echo run true > "$A/$n/a/ctl"; cat "$A/$n/a/wait"; done
       find "$A" -depth -type d -delete; [ ! -e "$A" ]`,
      { A: anchor },
    )
    t.pass()
  })

  sentence('T30 Streams can be seeked back over what was read last', async (t, place) => {
    const anchor = await place.anchor('run sh -c "echo one; echo two; exec cat"')
    const results = await place.python(
      `
      fd = open('stdout')
      until(lambda: select.select([fd], [], [], 10)[0])
      first = read(fd, 100)
      while len(first) < 8: first += read(fd, 100)
      os.lseek(fd, -4, os.SEEK_CUR)
      say(read(fd, 100))
      os.lseek(fd, 0, os.SEEK_SET)
      close(open('stdin', O_WRONLY | O_TRUNC))
      os.lseek(fd, 8, os.SEEK_SET)
      say(read(fd, 100))
      os.lseek(fd, 0, os.SEEK_SET)
      say(code(read, fd, 100))`,
      { A: anchor },
    )
    t.equal(results, "b'two\\n'\nb''\nESPIPE\n")
    const lines = await place.anchor('run printf "1\\n2\\n3\\n"')
    t.equal(
      await place.print('cat "$A/wait"; { head -1; head -1; cat; } < "$A/stdout"', { A: lines }),
      '0\n1\n2\n3\n',
    )
  })

  sentence('T31 The path of an anchor has at most 4095 bytes', async (t, place) => {
    const anchor = await place.anchor()
    const results = await place.python(
      `
      path = A[len(M):]
      os.chdir(A)
      while len(path) + 102 <= 4095:
          os.mkdir('d' * 100); os.chdir('d' * 100)
          path += '/' + 'd' * 100
      left = 4095 - len(path) - 1
      say(code(os.mkdir, 'l' * (left + 1)), code(os.mkdir, 'l' * left))
      os.chdir('l' * left)
      say(code(os.mkdir, 'x'), len(os.listdir('.')), command('.', 'mkchan'), code(os.stat, 'send').st_size)`,
      { A: anchor },
    )
    t.equal(results, 'ENAMETOOLONG None\nENAMETOOLONG 4 ok 0\n')
  })
})
