/** Open files as Node's streams and as web streams. */
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import t from 'tap'
import { client, startBare } from './servers.ts'

const server = await startBare(t, 'streams')
const circuit = await client(t, { url: server.url })
let anchors = 0
const make = async (command: string): Promise<string> => {
  const path = `/self/s${++anchors}`
  await circuit.make(path)
  await circuit.command(path, command)
  return path
}

t.test('Node: what is written reaches a process, and what it writes is read', async (t) => {
  const path = await make('run tr a-z A-Z')
  const output = (await circuit.open(`${path}/stdout`, 'r')).readable()
  const all = text(output)
  await pipeline(['one ', 'two ', 'x'.repeat(300_000)], (await circuit.open(`${path}/stdin`, 'w')).writable())
  t.equal(await all, `ONE TWO ${'X'.repeat(300_000)}`)
})

t.test('web: the same', async (t) => {
  const path = await make('run tr a-z A-Z')
  const input = (await circuit.open(`${path}/stdin`, 'w')).writableStream()
  const output = (await circuit.open(`${path}/stdout`, 'r')).readableStream()
  const all = text(output)
  const writer = input.getWriter()
  await writer.write('one ')
  await writer.write(Buffer.from('two'))
  await writer.close()
  t.equal(await all, 'ONE TWO')
})

t.test('a readable asks for nothing before somebody reads it', async (t) => {
  const path = await make('mkchan 1')
  await circuit.writeText(`${path}/send`, 'message')
  const node = (await circuit.open(`${path}/recv`, 'r')).readable()
  const web = (await circuit.open(`${path}/recv`, 'r')).readableStream()
  await circuit.stat(path)
  t.match(await circuit.peek(path), { NumRecv: 0 })
  node.destroy()
  await web.cancel()
  t.equal(await circuit.readText(`${path}/recv`), 'message')
})

t.test('a stream that is destroyed or cancelled gives up what it waits for', async (t) => {
  const path = await make('mkchan')
  const node = (await circuit.open(`${path}/recv`, 'r')).readable()
  node.read()
  const web = (await circuit.open(`${path}/recv`, 'r')).readableStream().getReader()
  const waiting = web.read()
  for (let trips = 0; trips < 3; trips++) await circuit.stat(path)
  node.destroy()
  await web.cancel()
  t.match(await waiting, { done: true })
  const sent = circuit.writeText(`${path}/send`, 'for another')
  t.equal(await circuit.readText(`${path}/recv`), 'for another')
  await sent
})

t.test('a writable that is destroyed has sent nothing', async (t) => {
  const path = await make('mkchan 4')
  const node = (await circuit.open(`${path}/send`, 'w')).writable()
  await new Promise((resolve) => node.write('half', resolve))
  node.destroy()
  const web = (await circuit.open(`${path}/send`, 'w')).writableStream().getWriter()
  await web.write('half')
  await web.abort()
  await circuit.writeText(`${path}/send`, 'whole')
  t.equal(await circuit.readText(`${path}/recv`), 'whole')
})

t.test('errors come through', async (t) => {
  const path = await make('mkchan')
  const node = (await circuit.open(`${path}/recv`, 'r')).readable()
  const web = (await circuit.open(`${path}/recv`, 'r')).readableStream().getReader()
  const ends = [text(node).catch((error) => error), web.read().catch((error) => error)]
  for (let trips = 0; trips < 3; trips++) await circuit.stat(path)
  await circuit.command(path, 'scrub')
  for (const end of ends)
    t.match(await end, { code: 'ECANCELED', path: `/${server.id}${path.slice(5)}/recv` })
})
