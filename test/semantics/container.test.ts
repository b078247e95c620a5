/** The sentences D of docs/semantics.md: containers, which are jobs as processes are. */
import t from 'tap'
import { CommandReader } from '../../src/proto/command.ts'
import { mkdkr, noEngine, startEngine } from '../engine.ts'
import { until } from '../server.ts'
import { blockedSentences } from './blocked.ts'
import { jobSentences } from './job.ts'
import { inEachPlace, type Place } from './place.ts'

const engine = await startEngine(t)

const sh = (script: string, fields: object = {}): string =>
  mkdkr({ Path: 'sh', Args: ['-c', script], ...fields })

/** A command that makes a process as one that makes a container, which runs the same. */
function inContainer(text: string): string {
  const [command] = [...new CommandReader().write(Buffer.from(text))]
  const { verb, words = [], fields } = command ?? {}
  if (verb !== 'run' && verb !== 'mkproc') return text
  const [Path, ...Args] = words
  return mkdkr(fields ?? { Path, Args })
}

const peek = async (place: Place, anchor: string) => JSON.parse(await place.read(`${anchor}/peek`))

/** The outcomes that the log has of an anchor for an operation. */
async function logged(place: Pick<Place, 'mount' | 'server' | 'read'>, anchor: string, operation: string) {
  const path = anchor.slice(place.mount.length)
  const entries: { op: string; path: string; outcome: string }[] = (await place.read(`${place.server}/log`))
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  return entries
    .filter((entry) => entry.op === operation && entry.path === path)
    .map(({ outcome }) => outcome)
}

const reason = async (place: Place, anchor: string): Promise<string> =>
  (await place.read(`${anchor}/error`)).trim()

const wishes = {
  skip: noEngine,
  translate: inContainer,
  server: { args: ['-docker'], env: engine.env },
}

inEachPlace(jobSentences, { ...wishes, places: ['local', 'remote'] })

// What the engine makes of it is the same wherever it was asked for.
inEachPlace(
  (sentence) => {
    blockedSentences(sentence)

    sentence('B5 poll says when a file of a container can be used, and wakes up', async (t, place) => {
      const echo = await place.anchor(sh('tee /dev/stderr; exec sleep 60'))
      const results = await place.python(
        `
      def check(name, path, do):
          fd = open(path)
          poll = select.poll()
          poll.register(fd, select.POLLIN)
          early = poll.poll(0)
          call = Call(poll.poll, 10000)
          time.sleep(0.05)
          done = call.done
          do()
          say(name, early, done, bool(call.result()), bool(poll.poll(0)))
          return fd
      part = open('stdin', O_WRONLY | O_APPEND)
      out = check('stdout', 'stdout', lambda: write(part, b'x'))
      err = open('stderr')
      say(read(err, 9), read(out, 9))
      check('stderr', 'stderr', lambda: write(part, b'y'))
      check('wait', 'wait', lambda: command(A, 'kill'))`,
        { A: echo },
      )
      t.equal(
        results,
        "stdout [] False True True\nb'x' b'x'\nstderr [] False True True\nwait [] False True True\n",
      )
      const full = await place.anchor(
        sh('trap "exec cat > /dev/null" USR1; echo ready; while :; do sleep 0.05; done'),
      )
      const filled = await place.python(
        `
      read(open('stdout'), 9)
      fd = open('stdin', O_WRONLY | O_APPEND | O_NONBLOCK)
      while select.select([], [fd], [], 0.3)[1]: code(write, fd, b'x' * 65536)
      call = Call(select.select, [], [fd], [], 10)
      say(code(write, fd, b'x'), call.done, command(A, 'signal USR1'), bool(call.result()[1]), code(write, fd, b'x'))
      command(A, 'kill')`,
        { A: full },
      )
      t.equal(filled, 'EAGAIN False ok True 1\n')
    })

    sentence('D2 D3 D19 peek is what docker inspect says, labels and all', async (t, place) => {
      const anchor = await place.anchor(sh('cat', { Labels: { K: 'V' } }))
      const state = await peek(place, anchor)
      const [inspected] = JSON.parse(await engine.print(`docker inspect ${state.Id}`))
      t.strictSame(state, inspected)
      const path = anchor.slice(place.mount.length)
      const { K, ...labels } = state.Config.Labels
      t.equal(K, 'V')
      t.match(labels, { 'circuit.server': path.slice(1, 18), 'circuit.anchor': path })
      t.match(state.Name, new RegExp(`^/circuit-${path.slice(1, 18)}-t\\d+-[0-9a-f]{8}$`))
      await place.command(anchor, 'close stdin')
      t.equal(await place.read(`${anchor}/wait`), '0\n')
      t.match(await peek(place, anchor), { State: { Status: 'exited', ExitCode: 0 } })
    })

    sentence('D4 The fields are settings of the engine', async (t, place) => {
      const anchor = await place.anchor(
        mkdkr({
          Entry: 'sh',
          Path: '-c',
          Args: ['pwd; id -un; echo $K; exec cat'],
          Env: ['K=V'],
          Dir: '/tmp',
          User: 'nobody',
          Memory: 50_000_000,
          CpuShares: 3,
          Cpus: 0.5,
          Volume: ['/webapp', '/etc:/opt/etc:ro'],
          Network: 'none',
          Ports: ['8080:80', '127.0.0.1::53/udp'],
          Restart: 'on-failure:3',
        }),
      )
      t.equal(await place.print('head -3 "$A/stdout"', { A: anchor }), '/tmp\nnobody\nV\n')
      const { HostConfig, Mounts } = await peek(place, anchor)
      t.match(HostConfig, {
        Memory: 50_000_000,
        CpuShares: 3,
        NanoCpus: 5e8,
        NetworkMode: 'none',
        PortBindings: {
          '80/tcp': [{ HostIp: '', HostPort: '8080' }],
          '53/udp': [{ HostIp: '127.0.0.1', HostPort: '' }],
        },
        RestartPolicy: { Name: 'on-failure', MaximumRetryCount: 3 },
      })
      const places = Mounts.map((mount: { Destination: string; RW: boolean }) => [
        mount.Destination,
        mount.RW,
      ])
      t.strictSame(places.sort(), [
        ['/opt/etc', false],
        ['/webapp', true],
      ])
      await place.print(': > "$A/stdin"; cat "$A/wait"; rmdir "$A"', { A: anchor })
    })

    sentence('D5 An image that is not there is ENOENT', async (t, place) => {
      const anchor = await place.anchor()
      t.equal(await place.command(anchor, mkdkr({ Image: 'no/such:image' })), 'ENOENT')
      t.match(
        await reason(place, anchor),
        /can't make a container of no\/such:image: the engine says: No such image/,
      )
      t.equal(await place.read(`${anchor}/peek`), 'null\n')
    })

    sentence('D6 A program that cannot be started fails the write, and nothing is left', async (t, place) => {
      const anchor = await place.anchor()
      const before = await engine.print('docker ps -aq | wc -l')
      const why = async (fields: object): Promise<string> =>
        `${await place.command(anchor, mkdkr(fields))} ${(await reason(place, anchor)).replace(/^.*?\}: /, '')}`
      t.match(await why({ Path: 'no-such-program' }), /^ENOENT .*no program no-such-program in the image/)
      t.match(await why({ Path: '/no/program' }), /^ENOENT .*no program \/no\/program/)
      t.match(await why({ Path: 'sh', Env: ['PATH=/nowhere'] }), /^ENOENT /)
      t.match(await why({ Path: '/etc' }), /^EACCES /)
      t.match(await why({ Path: '/etc/passwd' }), /^EACCES /)
      t.match(
        await why({ Path: 'true', User: 'no-such-user' }),
        /^EINVAL .*the engine says: unable to find user/,
      )
      t.match(await why({ Path: 'true', Restart: 'never' }), /^EINVAL .*Restart is/)
      t.match(await why({ Path: 'true', Ports: ['http'] }), /^EINVAL .*Ports are/)
      t.match(await why({ Args: ['x'] }), /^EINVAL .*Args need a Path/)
      t.match(await why({ Image: '' }), /^EINVAL .*Image is missing/)
      t.equal(await place.read(`${anchor}/peek`), 'null\n')
      t.equal(await engine.print('docker ps -aq | wc -l'), before)
      t.equal(await place.command(anchor, mkdkr({ Path: 'true' })), 'ok', 'and the anchor is free')
      t.equal(await place.read(`${anchor}/wait`), '0\n')
    })

    sentence('D7 Lxc is refused, in words', async (t, place) => {
      const anchor = await place.anchor()
      t.equal(await place.command(anchor, mkdkr({ Lxc: ['lxc.cgroup.cpuset.cpus = 0,1'] })), 'EOPNOTSUPP')
      t.match(await reason(place, anchor), /Docker has had no LXC since 2015/)
      t.equal(await place.command(anchor, mkdkr({ Lxc: [], Path: 'true' })), 'ok')
    })

    sentence('D8 What a container has left running ends with it', async (t, place) => {
      const anchor = await place.anchor(sh('sleep 60 & echo out; exit 3'))
      t.equal(await place.print('cat "$A/stdout" "$A/wait"', { A: anchor }), 'out\n3\n')
    })

    sentence('D9 A discarded output is dropped by the engine', async (t, place) => {
      const anchor = await place.anchor(
        sh('head -c 3000000 /dev/zero; echo error >&2', { Stdout: 'discard' }),
      )
      t.equal(await place.print('cat "$A/wait" "$A/stdout" "$A/stderr"', { A: anchor }), '0\nerror\n')
    })

    sentence('D10 D11 With Tty there is a terminal, of the size that resize says', async (t, place) => {
      const anchor = await place.anchor(
        sh('tty; while read -r line; do stty size; done; echo end', { Tty: true }),
      )
      const results = await place.python(
        `
        stdin, stdout = open('stdin', O_WRONLY | O_TRUNC), open('stdout')
        seen = ''
        def expect(words):
            global seen
            while words not in seen: seen += read(stdout, 999).decode()
            seen = seen[seen.index(words) + len(words):]
        expect('/dev/pts/0')
        say(command(A, 'resize 91 37'))
        write(stdin, b'\\n')
        expect('37 91')
        close(stdin)
        expect('end')
        say(content('wait').strip(), content('stderr') == '')`,
        { A: anchor },
      )
      t.equal(results, 'ok\n0 True\n')
      t.equal(await place.command(anchor, 'resize 80 24'), 'ESRCH')
      const plain = await place.anchor(mkdkr({ Path: 'cat' }))
      t.equal(await place.command(plain, 'resize 80 24'), 'EOPNOTSUPP')
      for (const wrong of ['resize', 'resize 80', 'resize 0 24', 'resize 80 x', 'signal TERM group'])
        t.equal(await place.command(plain, wrong), 'EINVAL', wrong)
      await place.command(plain, 'kill')
    })

    sentence(
      'D12 A container that is scrubbed while it runs goes on, and the log has its name',
      async (t, place) => {
        const anchor = await place.anchor(sh('cat; head -c 3000000 /dev/zero; exec sleep 60'))
        const { Id, Name } = await peek(place, anchor)
        const results = await place.python(
          `
        stdin, stdout = open('stdin', O_WRONLY | O_APPEND), open('stdout')
        waiting, reading = Call(content, 'wait'), Call(read, stdout, 9)
        blocked(2)
        say(command(A, 'scrub'), waiting.result(), reading.result(), code(write, stdin, b'x'), content('peek').strip())`,
          { A: anchor },
        )
        t.equal(results, 'ok ECANCELED ECANCELED ECANCELED null\n')
        t.strictSame(await logged(place, anchor, 'scrub'), [`the container ${Name.slice(1)} goes on`])
        const label = `label=circuit.anchor=${anchor.slice(place.mount.length)}`
        t.equal(await engine.print(`docker ps -q --no-trunc --filter ${label}`), Id)
        await engine.print(`docker rm -f ${Id}`)
      },
    )

    sentence('D13 One that has ended goes with its anchor, or its scrub', async (t, place) => {
      const exists = async (id: string): Promise<boolean> =>
        (await engine.print(`docker ps -aq --no-trunc --filter id=${id}`)) === id
      for (const end of ['rmdir "$A"', 'echo scrub > "$A/ctl"']) {
        const anchor = await place.anchor(sh('read line; echo > /data/x', { Volume: ['/data'] }))
        t.match(await place.sh('rmdir "$A"', { A: anchor }), { status: /[^0]/ })
        await place.print(': > "$A/stdin"; cat "$A/wait"', { A: anchor })
        const { Id, Mounts } = await peek(place, anchor)
        t.ok(await exists(Id), 'as long as the anchor holds it')
        await place.print(end, { A: anchor })
        t.notOk(await exists(Id), end)
        t.equal(
          await engine.print(`docker volume ls -q --filter name=${Mounts[0].Name}`),
          '',
          'nor its volume',
        )
      }
      const scrubbed = await place.anchor(sh('read line', { Scrub: true }))
      const { Id } = await peek(place, scrubbed)
      await place.print(': > "$A/stdin"', { A: scrubbed })
      await until(async () => !(await exists(Id)))
    })

    sentence(
      'D14 One that takes more than its Memory is killed, and peek and log say so',
      async (t, place) => {
        const anchor = await place.anchor(
          sh('x=xxxxxxxxxxxxxxxx; while :; do x=$x$x; done', { Memory: 20_000_000 }),
        )
        t.equal(await place.read(`${anchor}/wait`), '137\n')
        t.match(await peek(place, anchor), { State: { OOMKilled: true, ExitCode: 137 } })
        t.strictSame(await logged(place, anchor, 'exit'), ['137; it was out of memory'])
      },
    )

    sentence('D16 With Restart its end is that of its last life', async (t, place) => {
      const script =
        'echo >> /data/lives; [ $(wc -l < /data/lives) -lt 3 ] && exit 5; cat /data/lives | wc -l > /data/n; exit 6'
      const anchor = await place.anchor(sh(script, { Volume: ['/data'], Restart: 'on-failure:2' }))
      t.equal(await place.read(`${anchor}/wait`), '6\n')
      t.match(await peek(place, anchor), { RestartCount: 2 })
    })

    sentence('D18 A signal goes to the program of the container', async (t, place) => {
      const anchor = await place.anchor(
        sh('trap "echo hup" HUP; trap "echo usr1; exit 5" USR1; echo ready; while :; do sleep 0.02; done'),
      )
      const results = await place.python(
        `
        stdout = open('stdout')
        read(stdout, 99)
        say(command(A, 'signal HUP'), read(stdout, 99), command(A, 'signal USR1'), read(stdout, 99), content('wait').strip())
        say(command(A, 'kill'))`,
        { A: anchor },
      )
      t.equal(results, "ok b'hup\\n' ok b'usr1\\n' 5\nESRCH\n")
    })
  },
  { ...wishes, places: ['local'] },
)
