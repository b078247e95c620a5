/** The sentences S of docs/semantics.md: servers. How they start and end is in stop.test.ts. */
import { inEachPlace, type Place } from './place.ts'

interface Entry {
  readonly seq: number
  readonly time: string
  readonly who: 'server' | { readonly uid: number; readonly pid: number; readonly peer?: string }
  readonly op: string
  readonly path: string
  readonly command?: string
  readonly outcome: string
}

const parse = (text: string): Entry[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))

/** Log entries of an anchor and below it. */
async function entriesOf(place: Place, anchor: string): Promise<Entry[]> {
  const path = anchor.slice(place.mount.length)
  const all = parse(await place.read(`${place.server}/log`))
  return all.filter((entry) => entry.path === path || entry.path.startsWith(`${path}/`))
}

inEachPlace((sentence) => {
  sentence('S1 log is JSON lines, counted by one', async (t, place) => {
    const anchor = await place.anchor('mkchan')
    const log = parse(await place.read(`${place.server}/log`))
    t.strictSame(
      log.map(({ seq }) => seq),
      log.map((_, n) => (log[0]?.seq ?? 0) + n),
    )
    t.ok(log.every(({ time }) => new Date(time).toISOString() === time))
    const command = log.find(({ op, path }) => op === 'command' && path === anchor.slice(place.mount.length))
    t.strictSame(Object.keys(command ?? {}), ['seq', 'time', 'who', 'op', 'path', 'command', 'outcome'])
    t.equal(command?.command, 'mkchan')
    t.equal(command?.outcome, 'ok')
  })

  sentence('S2 who is the uid and the pid of who called', async (t, place) => {
    const anchor = await place.anchor('run true')
    const ids = await place.python(
      `
      os.mkdir(A + '/main')
      ids = []
      def make():
          ids.append(threading.get_native_id())
          os.mkdir(A + '/thread')
      Call(make).result()
      content('wait')
      say(os.getuid(), os.getpid(), ids[0])`,
      { A: anchor },
    )
    const [uid, pid, thread] = ids.trim().split(' ').map(Number)
    const entries = await entriesOf(place, anchor)
    const who = (end: string) => entries.find(({ op, path }) => op === 'make' && path.endsWith(end))?.who
    const peer = place.peer === undefined ? {} : { peer: place.peer }
    t.strictSame(who('/main'), { uid, pid, ...peer })
    t.strictSame(who('/thread'), { uid, pid: thread, ...peer })
    t.equal(entries.find(({ op }) => op === 'exit')?.who, 'server')
  })

  sentence('S3 The log records anchors, commands, opens and exits, failed ones too', async (t, place) => {
    const anchor = await place.anchor()
    await place.python(
      `
      os.mkdir(A + '/a')
      code(os.mkdir, A + '/recv')
      command(A + '/a', 'mkchan 1')
      command(A + '/a', 'nonsense')
      code(os.rmdir, A + '/a')
      close(open('a/send', O_WRONLY | O_TRUNC))
      code(open, 'a/send')
      close(open('a/recv'))
      close(open('a/peek'))
      command(A + '/a', 'close\\nscrub')
      os.rmdir(A + '/a')
      command(A, 'run sh -c "exit 9"')
      content('wait')`,
      { A: anchor },
    )
    const path = anchor.slice(place.mount.length)
    const entries = (await entriesOf(place, anchor)).map(({ op, path: full, command, outcome }) =>
      [op, full.slice(path.length), command, outcome.split(' ')[0]].filter(Boolean).join(' '),
    )
    const exit = entries.findIndex((entry) => entry.startsWith('exit'))
    t.equal(entries.splice(exit, 1)[0], 'exit 9', 'it comes when it comes')
    t.strictSame(entries, [
      'make ok',
      'make /a ok',
      'make /recv EEXIST',
      'command /a mkchan 1 ok',
      'command /a nonsense EINVAL',
      'remove /a EBUSY',
      'open to write /a/send ok',
      'open to read /a/send EACCES',
      'open to read /a/recv ok',
      'command /a close ok',
      'command /a scrub ok',
      'remove /a ok',
      'command run sh -c "exit 9" ok',
      'open to read /wait ok',
    ])
    const failed = (await entriesOf(place, anchor)).find(({ command }) => command === 'nonsense')
    t.match(failed?.outcome, /^EINVAL "nonsense" is no command for a chan/)
  })

  sentence('S4 The log keeps the last 10,000 entries, and ends', async (t, place) => {
    const anchor = await place.anchor()
    t.equal(await place.command(anchor, 'mkchan\nscrub\n'.repeat(5100)), 'ok')
    const log = parse(await place.read(`${place.server}/log`))
    t.equal(log.length, 10_000)
    t.strictSame(
      log.map(({ seq }) => seq),
      log.map((_, n) => (log[0]?.seq ?? 0) + n),
    )
    t.equal(log.at(-1)?.command, 'scrub')
  })

  sentence('S5 events is the same from its open on', async (t, place) => {
    const anchor = await place.anchor()
    const results = await place.python(
      `
      command(A, 'mkchan')
      fd = os.open(S + '/events', O_RDONLY)
      nonblocking = os.open(S + '/events', O_RDONLY | O_NONBLOCK)
      while isinstance(code(read, nonblocking, 1 << 16), bytes): pass
      say(code(read, nonblocking, 99), bool(select.select([nonblocking], [], [], 0)[0]))
      def follow():
          lines = ''
          while lines.count(A[len(M):]) < 3: lines += read(fd, 1 << 16).decode()
          return [line for line in lines.splitlines() if A[len(M):] in line]
      call = Call(follow)
      command(A, 'scrub')
      command(A, 'mkchan 2')
      os.mkdir(A + '/a')
      lines = call.result()
      log = [line for line in content(S + '/log').splitlines() if A[len(M):] in line]
      say([json.loads(line).get('command') for line in lines], lines == log[-3:])`,
      { A: anchor },
    )
    t.equal(results, "EAGAIN False\n['scrub', 'mkchan 2', None] True\n")
  })

  sentence('S6 Of more than 4,096 events the oldest go, and a line says how many', async (t, place) => {
    const anchor = await place.anchor()
    const results = await place.python(
      `
      fd = os.open(S + '/events', O_RDONLY | O_NONBLOCK)
      def entries():
          data = b''
          while isinstance(piece := code(read, fd, 1 << 20), bytes): data += piece
          return [json.loads(line) for line in data.splitlines()]
      entries()
      command(A, 'mkchan\\nscrub\\n' * 2000)
      kept = entries()
      say(len(kept), any('lost' in entry for entry in kept))
      command(A, 'mkchan\\nscrub\\n' * 5000)
      kept = entries()
      lost = kept[0]['lost']
      say(lost + len(kept) - 1, len(kept) <= 4097, kept[1]['seq'] + len(kept) - 2 == kept[-1]['seq'], sum('lost' in entry for entry in kept))
      command(A, 'mkchan')
      say(len(entries()))`,
      { A: anchor },
    )
    t.equal(results, '4000 False\n10000 True True 1\n1\n')
  })

  sentence("S7 metrics is text in Prometheus' format", async (t, place) => {
    const metrics = async (): Promise<string> => place.read(`${place.server}/metrics`)
    const text = await metrics()
    const families = text.split(/^(?=# HELP )/m)
    for (const family of families)
      t.match(
        family,
        /^# HELP (circuit_[a-z_]+) [^\n]+\n# TYPE \1 (?:counter|gauge)\n(?:\1(?:\{[a-z]+="[^"\n]*"\})? -?[\d.e+]+\n)*$/,
      )
    t.ok(families.length > 5)
    const count = (text: string, name: string): number =>
      Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)?.[1])
    await place.anchor('mkchan')
    const after = await metrics()
    t.equal(count(after, 'circuit_anchors'), count(text, 'circuit_anchors') + 1)
    t.match(after, /^circuit_elements\{kind="chan"\} \d+$/m)
  })
})
