/** Sentences of docs/semantics.md that hold for every kind of job: a place makes of `run` and `mkproc` what it is about. */
import type { Place, Sentence } from './place.ts'

export function jobSentences(sentence: Sentence<[Place]>): void {
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
      say(phase())
      close(open('stdin', O_WRONLY | O_TRUNC))
      content('wait')
      say(code(write, fd, b'TERM'), code(write, open('signal', O_WRONLY), b'9'), code(write, fd, b'FOO'))`,
      { A: anchor },
    )
    t.equal(results, `${'EINVAL '.repeat(8)}EINVAL\nrunning\nESRCH ESRCH EINVAL\n`)
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

  sentence('X16 signal and kill signal the process', async (t, place) => {
    const status = async (command: string): Promise<string> => {
      const anchor = await place.anchor('run sleep 60')
      t.equal(await place.command(anchor, command), 'ok')
      return place.read(`${anchor}/wait`)
    }
    t.equal(await status('signal TERM'), '143\n')
    t.equal(await status('signal sigint'), '130\n')
    t.equal(await status('signal 1'), '129\n')
    t.equal(await status('kill'), '137\n')
    const ended = await place.anchor('run true')
    await place.read(`${ended}/wait`)
    t.equal(await place.command(ended, 'kill'), 'ESRCH')
    t.equal(await place.command(ended, 'signal TERM'), 'ESRCH')
    t.equal(await place.command(ended, 'signal NONSENSE'), 'EINVAL')
  })

  sentence('X17 close stdin ends the input, whoever has it open', async (t, place) => {
    const anchor = await place.anchor('run cat')
    const results = await place.python(
      `
      whole, part = open('stdin', O_WRONLY | O_TRUNC), open('stdin', O_WRONLY | O_APPEND)
      write(whole, b'a')
      write(part, b'b')
      say(command(A, 'close stdin'), content('stdout'), content('wait').strip())
      say(code(write, whole, b'c'), code(write, part, b'c'))`,
      { A: anchor },
    )
    t.equal(results, 'ok ab 0\nEPIPE EPIPE\n')
    t.equal(await place.command(anchor, 'close stdout'), 'EINVAL')
  })

  sentence('X18 discard drops an output, unread and to come', async (t, place) => {
    const anchor = await place.anchor(
      'run sh -c "echo unread; cat; echo error >&2; head -c 300000 /dev/zero; head -c 300000 /dev/zero >&2"',
    )
    const results = await place.python(
      `
      fd = open('stdout')
      until(lambda: select.select([fd], [], [], 10)[0])
      other = Call(content, 'stderr')
      blocked(1)
      say(command(A, 'discard stdout'), read(fd, 9), content('stdout'))
      say(command(A, 'discard stderr'), repr(other.result()))
      say(command(A, 'discard stderr'), command(A, 'discard stdin'))
      close(open('stdin', O_WRONLY | O_TRUNC))
      say(content('wait').strip(), repr(content('stdout')), repr(content('stderr')))`,
      { A: anchor },
    )
    t.equal(results, "ok b'' \nok ''\nok EINVAL\n0 '' ''\n")
    const log = await place.anchor('mkproc {"Path":"sh","Args":["-c","echo a; cat"],"Stdout":"log"}')
    await place.print('echo b >> "$A/stdin"; head -c 4 "$A/stdout"; echo discard stdout > "$A/ctl"', {
      A: log,
    })
    t.equal(await place.read(`${log}/stdout`), '')
    await place.command(log, 'kill')
  })
}
