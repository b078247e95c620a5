/** The sentences of docs/semantics.md on servers that come, go, and lose sight of each other: on hosts of their own. */
import t from 'tap'
import { seen } from '../network/seen.ts'
import { type Host, network } from '../network.ts'
import { noMount } from '../server.ts'
import type { Sentence } from './place.ts'

/** Each on a network of three hosts, all joined through the first. */
const sentence: Sentence<[Host, Host, Host]> = (name, body) => {
  t.test(name, { skip: noMount }, async (t) => {
    const { hosts } = await network(t, 3)
    const [first, second, third] = hosts as [Host, Host, Host]
    await body(t, first, second, third)
  })
}

sentence(
  'S12 S16 a server that fails goes, and whoever is at it is told',
  async (t, first, second, third) => {
    const far = first.at(third)
    await first.run(`mkdir ${far}/c && echo mkchan > ${far}/c/ctl`)
    const blocked = first.run(`LC_ALL=C cat ${far}/c/recv`)
    // It stays in there, and so does what the kernel knows of it.
    const inside = first.run(`cd ${far}/c && while [ -e ctl ]; do sleep 0.1; done; LC_ALL=C ls ${far} .`)
    await third.cut()
    t.match(await blocked, { status: 1, stderr: /Host is down/ })
    await seen([first, second], [first, second])
    t.match(await first.run(`LC_ALL=C ls ${far}`), { stderr: /Host is down/ })
    t.match(await first.run(`LC_ALL=C cat ${far}/peek`), { stderr: /Host is down/ })
    t.match(await first.run(`LC_ALL=C mkdir ${far}/d`), { stderr: /Host is down/ })
    t.match(await inside, { stderr: /Host is down/ })

    await third.server.kill()
    await third.heal()
    await third.start({ args: ['-j', second.url] })
    await seen([first, second, third], [first, second, third])
    t.match(
      await first.run('readlink $M/by-name/h3'),
      { stdout: `../${third.id}\n` },
      'the new one has the name',
    )
  },
)

sentence('S13 a server that stops in order goes at once', async (t, first, second, third) => {
  const far = first.at(third)
  await first.run(`ls ${far}`)
  await third.server.stop()
  t.ok((await seen([first, second], [first, second])) < 2000)
  t.match(await first.run(`LC_ALL=C ls ${far}`), { stderr: /No such file/ })
})

sentence('S14 S15 no server is special, and who was apart finds back', async (t, first, second, third) => {
  await second.run('mkdir $S/kept')
  await third.cut()
  await seen([second], [first, second])
  await seen([third], [third], 60_000)
  await third.heal()
  await seen([first, second, third], [first, second, third])
  t.match(await third.run(`ls -d ${third.at(second, 'kept')}`), { status: 0 })

  await first.server.kill()
  await seen([second, third], [second, third])
  t.match(await third.run(`ls -d ${third.at(second, 'kept')}`), { status: 0 })
})
