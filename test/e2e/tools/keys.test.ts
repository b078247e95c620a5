/** What keys do to what waits in a real terminal, as docs/tools.md says. */
import { constants } from 'node:fs'
import { open, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import t, { type Test } from 'tap'
import { noMount, until } from '../../server.ts'
import { onScreen, type Typed, typed } from './keys.ts'
import { Terminal } from './terminal.ts'
import { HOLDS } from './waiting.ts'
import { drain, readEnough, Workshop } from './workshop.ts'

interface Scene {
  readonly t: Test
  readonly workshop: Workshop
  readonly terminal: Terminal
  readonly anchor: string
  readonly row: Typed
}

/** Ctrl-C and Ctrl-\: the tool is gone, the shell is there again, and nothing was taken or sent. */
async function ends({ t, workshop, terminal, anchor, row }: Scene): Promise<void> {
  await workshop.callWaits()
  await terminal.press(`C-${row.key.toLowerCase()}`)
  await until(async () => (await workshop.waitingCalls()) === 0)
  await terminal.line(row.shell === 'fish' ? 'echo "status <$status>"' : 'echo "status <$?>"')
  await terminal.shows(/status <\d+>/)
  t.match(await terminal.screen(), `status <${row.status}>`, 'status')
  if (row.in !== 'channel') return
  const send = await open(
    join(anchor, 'send'),
    constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK,
  )
  await t.rejects(send.write('nobody'), { code: 'EAGAIN' }, 'nobody receives')
  await send.close()
  t.same(await drain(anchor), [], 'nothing was sent')
}

/** Ctrl-Z and fg: it waits again, and gets what comes then. */
async function stops({ t, workshop, terminal, anchor, row }: Scene): Promise<void> {
  await workshop.callWaits()
  await terminal.press('C-z')
  await terminal.shows(/[Ss]topped|suspended/)
  await terminal.line('fg')
  await workshop.callWaits()
  if (row.in === 'channel') await writeFile(join(anchor, 'send'), 'hello again\n')
  else await writeFile(join(anchor, 'ctl'), 'kill\n')
  if (row.in === 'channel') await terminal.shows(/^hello again$/m)
  await terminal.line('echo "status <$?>"')
  await terminal.shows(/status <\d+>/)
  t.match(await terminal.screen(), 'status <0>', 'status')
}

/** Ctrl-D: what was typed is at the process. */
async function typesInput({ t, workshop, terminal, anchor, row }: Scene): Promise<void> {
  // The shell has left the keys to what it runs when it opens files for it.
  const opened = `${basename(anchor)}/stdin"`
  await until(async () => (await readFile(join(workshop.server.self, 'log'), 'utf8')).includes(opened))
  await terminal.line('hello')
  t.equal(await readEnough(join(anchor, 'stdout'), 6), 'hello\n', 'a line is there as soon as it is typed')
  await terminal.press('C-d')
  await terminal.line('echo "status <$?>"')
  await terminal.shows(/status <0>/)
  if (row.run.includes('>>')) await writeFile(join(anchor, 'stdin'), 'more\n')
  t.equal(await readEnough(join(anchor, 'stdout')), row.run.includes('>>') ? 'more\n' : '', 'the rest')
  t.equal(await readFile(join(anchor, 'wait'), 'utf8'), '0\n', 'the process has ended')
}

const SCENES = { C: ends, '\\': ends, Z: stops, D: typesInput } as const

t.test('keys', { skip: noMount }, async (t) => {
  const workshop = await Workshop.open(t)
  for (const row of typed)
    await t.test(`${row.shell}: ${row.run}, Ctrl-${row.key}`, async (t) => {
      const anchor = await workshop.anchor(row.key === 'D' ? 'run cat' : HOLDS[row.in])
      const terminal = await Terminal.open(t, row.shell, anchor, await workshop.environment())
      await terminal.line(row.run)
      await SCENES[row.key]({ t, workshop, terminal, anchor, row })
    })
})

t.test('on the whole screen', { skip: noMount }, async (t) => {
  const workshop = await Workshop.open(t)
  for (const { run, steps } of onScreen)
    await t.test(run, async (t) => {
      const terminal = await Terminal.open(t, 'bash', await workshop.anchor(), await workshop.environment())
      await terminal.line(run)
      for (const { type, shows } of steps) {
        for (const line of type.split(/(?<=\n)/)) {
          await terminal.type(line.trimEnd())
          if (line.endsWith('\n')) await terminal.press('Enter')
        }
        await terminal.shows(shows)
        t.pass(`${run}: ${type} shows ${shows}`)
      }
    })
})
