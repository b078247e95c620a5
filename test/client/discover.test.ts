/** Clients that find a server by a multicast group, or by multicast DNS. */
import t from 'tap'
import { connect, readKey } from '../../src/index.ts'
import { MAIN, runShell } from '../server.ts'
import { keyFile, startBare } from './servers.ts'

const GROUP = '228.8.8.8:7713'
const [key, other] = [keyFile(), keyFile()]

t.test('a server that answers is dialled', async (t) => {
  const server = await startBare(t, 'a', ['-hmac', key, '-discover', GROUP])
  const circuit = await connect({ discover: GROUP, keys: [readKey(key)] })
  t.equal(circuit.server, server.id)
  await circuit.close()

  process.env.CIRCUIT_DISCOVER = GROUP
  const again = await connect({ keys: [readKey(key)] })
  t.equal(again.server, server.id, 'CIRCUIT_DISCOVER names the group')
  await again.close()

  await t.rejects(connect({ discover: GROUP, keys: [readKey(other)], timeout: 500 }), {
    message: /multicast group 228\.8\.8\.8:7713/,
  })
})

t.test('a server that multicast DNS knows is dialled', async (t) => {
  const server = await startBare(t, 'a', ['-hmac', key, '--mdns'])
  const circuit = await connect({ mdns: true, keys: [readKey(key)] })
  t.equal(circuit.server, server.id)
  await circuit.close()
  t.match(await runShell(`exec ${process.execPath} ${MAIN} ls --mdns -hmac ${key} /`), {
    status: 0,
    stdout: `/${server.id}\n`,
  })
  await t.rejects(connect({ mdns: true, keys: [readKey(other)], timeout: 500 }), {
    message: /announced by multicast DNS/,
  })
})
