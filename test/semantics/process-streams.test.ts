/** The sentences P1 to P15 of docs/semantics.md: the streams of processes. */
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
})
