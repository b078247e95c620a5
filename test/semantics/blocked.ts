/** Sentences of docs/semantics.md about what blocks, that hold for channels and for every kind of job: see job.ts. */
import type { Place, Sentence } from './place.ts'

/** A channel that nobody uses (A), a process that does nothing (P), and a process whose stdin is full (F). */
async function quiet(place: Place): Promise<{ readonly A: string; readonly P: string; readonly F: string }> {
  const [A, P, F] = [
    await place.anchor('mkchan'),
    await place.anchor('run sleep 60'),
    await place.anchor('run sleep 60'),
  ]
  await place.python(
    `
    fd = open('stdin', O_WRONLY | O_APPEND | O_NONBLOCK)
    # A container's is full when the engine, too, takes no more.
    while select.select([], [fd], [], 0.3)[1]: code(write, fd, b'x' * 65536)`,
    { A: F },
  )
  return { A, P, F }
}

/** Calls on these that block, as Python: a file, how it is opened, what is done. */
const BLOCKING = `
P, F = os.environ['P'], os.environ['F']
blocking = {
    'recv': (A + '/recv', O_RDONLY, lambda fd: read(fd, 9)),
    'recv <>': (A + '/recv', O_RDWR, lambda fd: read(fd, 9)),
    'send >': (A + '/send', O_WRONLY, lambda fd: write(fd, b'x')),
    'send >>': (A + '/send', O_WRONLY | O_APPEND, lambda fd: write(fd, b'x')),
    'stdin': (F + '/stdin', O_WRONLY | O_APPEND, lambda fd: write(fd, b'x')),
    'stdout': (P + '/stdout', O_RDONLY, lambda fd: read(fd, 9)),
    'stderr': (P + '/stderr', O_RDONLY, lambda fd: read(fd, 9)),
    'wait': (P + '/wait', O_RDONLY, lambda fd: read(fd, 9)),
}
`
export const dedented = (script: string): string => script.replace(/^ {6}/gm, '')

export function blockedSentences(sentence: Sentence<[Place]>): void {
  sentence('B1 Opening never blocks', async (t, place) => {
    const env = await quiet(place)
    const results = await place.python(
      `${BLOCKING}${dedented(`
      calls = [Call(use, os.open(path, flags)) for path, flags, use in blocking.values() if path != A + '/recv']
      blocked(len(calls))
      for anchor, names in (A, 'send'), (P, 'stdin signal'), (F, 'stdin signal'):
          for name in names.split():
              for flags in O_WRONLY, O_WRONLY | O_APPEND: close(os.open(anchor + '/' + name, flags))
      for path in A + '/recv', P + '/stdout', P + '/stderr', P + '/wait': close(os.open(path, O_RDONLY))
      close(os.open(A + '/recv', O_RDWR))
      say([call.done for call in calls].count(True))`)}`,
      env,
    )
    t.equal(results, '0\n')
    for (const anchor of [env.P, env.F]) await place.command(anchor, 'kill')
  })

  sentence('B2 A signal ends a blocked operation within 50 ms', async (t, place) => {
    const env = await quiet(place)
    const results = await place.python(
      `${BLOCKING}${dedented(`
      # Before there are children: Python swallows a SIGINT that comes just as its handler changes.
      signal.signal(signal.SIGINT, signal.SIG_DFL)
      def ended_after(use, how, in_tree):
          child = os.fork()
          if child == 0:
              use()
              os._exit(0)
          if in_tree: blocked(1)
          else: time.sleep(0.02)
          start = time.monotonic()
          os.kill(child, how)
          status = os.waitpid(child, 0)[1]
          assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == how, status
          return (time.monotonic() - start) * 1000
      signals = [signal.SIGINT, signal.SIGTERM, signal.SIGKILL] * many(3)
      # Where frames are lost, some take longer.
      typical = lambda times: sorted(times)[0 if ROUND_TRIP else len(times) // 2]
      pipe = os.pipe()[0]
      floor = typical([ended_after(lambda: read(pipe, 1), how, False) for how in signals])
      for name, (path, flags, use) in blocking.items():
          took = typical([ended_after(lambda: use(os.open(path, flags)), how, True) for how in signals])
          say(name, 'ok' if took - floor < 50 + ROUND_TRIP else '%.0f ms, and %.0f ms on a pipe' % (took, floor))`)}`,
      env,
    )
    t.strictSame(
      results.trim().split('\n'),
      ['recv', 'recv <>', 'send >', 'send >>', 'stdin', 'stdout', 'stderr', 'wait'].map(
        (name) => `${name} ok`,
      ),
    )
    for (const anchor of [env.P, env.F]) await place.command(anchor, 'kill')
  })

  sentence('B4 With O_NONBLOCK what would block is EAGAIN', async (t, place) => {
    const env = await quiet(place)
    const results = await place.python(
      `${BLOCKING}${dedented(`
      say(*(code(use, os.open(path, flags | O_NONBLOCK)) for path, flags, use in blocking.values()))
      fd = os.open(A + '/recv', O_RDONLY)
      os.set_blocking(fd, False)
      say(code(read, fd, 9))`)}`,
      env,
    )
    t.equal(results, `${Array(8).fill('EAGAIN').join(' ')}\nEAGAIN\n`)
    for (const anchor of [env.P, env.F]) await place.command(anchor, 'kill')
  })

  sentence('B6 When an element is scrubbed, operations on it end with ECANCELED', async (t, place) => {
    const env = await quiet(place)
    const results = await place.python(
      `${BLOCKING}${dedented(`
      fds = {name: os.open(path, flags) for name, (path, flags, use) in blocking.items()}
      late = {name: os.open(path, flags) for name, (path, flags, use) in blocking.items()}
      # One after the other: a sender and a receiver would meet.
      for names in ['recv', 'recv <>', 'stdin', 'stdout', 'stderr', 'wait'], ['send >', 'send >>']:
          calls = [Call(blocking[name][2], fds[name]) for name in names]
          blocked(len(calls))
          for anchor in (A, P, F) if len(names) > 2 else [A]: command(anchor, 'scrub')
          say({call.result() for call in calls}, {code(blocking[name][2], late[name]) for name in names})
          command(A, 'mkchan')
          fds = late = {name: os.open(path, flags) for name, (path, flags, use) in blocking.items() if path.startswith(A + '/')}`)}`,
      env,
    )
    t.equal(results, "{'ECANCELED'} {'ECANCELED'}\n".repeat(2))
  })
}
