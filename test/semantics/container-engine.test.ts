/** The sentences D of docs/semantics.md that need an engine which comes and goes, or servers of their own. */
import t, { type Test } from 'tap'
import { mkdkr, noEngine, startEngine } from '../engine.ts'
import { startServer, until } from '../server.ts'

const engine = await startEngine(t)

const sentence = (name: string, body: (t: Test) => Promise<void>): void =>
  void t.test(name, { skip: noEngine }, (t) => body(t))

sentence('D1 Without -docker there are no containers', async (t) => {
  const server = await startServer(t, { env: engine.env })
  const anchor = await server.anchor()
  const refused = await server.sh(`exec 3<> "$A/ctl"; echo 'mkdkr {"Image":"x"}' >&3; cat <&3`, {
    env: { A: anchor },
  })
  t.match(refused.stdout, /^EOPNOTSUPP .*started without the option -docker/)
})

sentence('D1 A server starts without its engine, and says what it lacks', async (t) => {
  for (const [DOCKER_HOST, said] of [
    [
      'unix:///no/such.sock',
      /the Docker engine at unix:\/\/\/no\/such\.sock does not answer \(.*\); is it running\?/,
    ],
    ['ssh://host', /DOCKER_HOST names no engine that can be used: ssh:\/\/ is not supported/],
  ] as const) {
    const server = await startServer(t, { args: ['-docker'], env: { DOCKER_HOST } })
    const anchor = await server.anchor()
    const refused = await server.sh(`exec 3<> "$A/ctl"; echo '${mkdkr({})}' >&3; cat <&3`, {
      env: { A: anchor },
    })
    t.match(refused.stdout, said)
    await until(() => said.test(server.log()))
  }
})

sentence(
  'D15 When the engine is lost nobody hangs, and when it is back its containers are found',
  async (t) => {
    const server = await startServer(t, { args: ['-docker'], env: engine.env })
    const [quiet, full] = [
      await server.anchor(mkdkr({ Path: 'cat' })),
      await server.anchor(mkdkr({ Path: 'sleep', Args: ['60'] })),
    ]
    const outcome = (script: string, anchor: string) =>
      server.sh(`exec 2>&1; ${script}; echo "$?"`, { env: { A: anchor }, limit: 20_000 })
    const calls = [
      outcome('cat "$A/stdout"', quiet),
      outcome('cat "$A/stderr"', quiet),
      outcome('cat "$A/wait"', quiet),
      outcome('cat /dev/zero >> "$A/stdin"', full),
    ]
    const metrics = () => server.sh('grep "^circuit_fuse_requests_waiting" $S/metrics')
    await until(async () => (await metrics()).stdout.trim().endsWith(' 4'))
    await engine.kill()
    const killed = performance.now()
    for (const { stdout } of await Promise.all(calls)) t.match(stdout, /host is down/i)
    t.ok(performance.now() - killed < 2000, `${performance.now() - killed} ms`)
    t.match(await outcome('exec 3<> "$A/ctl"; echo signal TERM >&3; cat <&3', quiet), {
      stdout: /^EHOSTDOWN/m,
    })
    t.match(await outcome('cat "$A/peek"', quiet), { stdout: /"Unanswered": "the Docker engine at unix:/ })
    const made = await outcome(
      `mkdir "$A/x"; echo '${mkdkr({ Path: 'true' })}' > "$A/x/ctl"; cat "$A/x/error"`,
      quiet,
    )
    t.match(made.stdout, /the Docker engine at unix:.* does not answer/)
    await engine.start()
    t.match(
      await outcome(
        `echo '${mkdkr({ Path: 'echo', Args: ['new'] })}' > "$A/x/ctl"; cat "$A/x/stdout" "$A/x/wait"`,
        quiet,
      ),
      { stdout: 'new\n0\n0\n' },
    )
    // The engine ends what ran when it was killed.
    t.match(await outcome('cat "$A/wait"', quiet), { stdout: /^\d+\n0\n$/ })
    t.match(await outcome('rmdir "$A/x" "$A"', quiet), { stdout: '0\n' })
  },
)

sentence(
  'D17 Containers go on when their server ends, and the next one of its name tells of them',
  async (t) => {
    const name = ['--name', `left${process.pid}`]
    const options = { named: false, args: ['-docker', ...name], env: engine.env }
    const first = await startServer(t, options)
    const anchor = await first.anchor(mkdkr({ Path: 'sleep', Args: ['60'] }))
    const { Id, Name } = JSON.parse((await first.sh('cat "$A/peek"', { env: { A: anchor } })).stdout)
    await first.kill()
    const second = await startServer(t, options)
    const found = async (): Promise<string> => (await second.sh('grep \'"found"\' $S/log')).stdout
    await until(async () => (await found()) !== '')
    t.match(JSON.parse(await found()), {
      path: anchor.slice(first.mount.length),
      outcome: new RegExp(
        `^the container ${Name.slice(1)} of the server ${first.id}, which has ended, is there: Up`,
      ),
    })
    t.equal(await engine.print(`docker inspect -f '{{.State.Running}}' ${Id}`), 'true')
    await engine.print(`docker rm -f ${Id}`)
  },
)
