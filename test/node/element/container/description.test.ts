/** What the engine is asked for. */
import t from 'tap'
import { creation } from '../../../../src/node/element/container/description.ts'

const identity = {
  server: 'X88550014d4c82e4d',
  serverName: 'web1',
  anchor: '/X88550014d4c82e4d/a b/ü',
  unique: 'abcd',
}
const of = (fields: object) => creation({ Image: 'busybox', ...fields }, identity)

t.test('what is left out is left to the image', async (t) => {
  const body = of({})
  for (const field of ['Cmd', 'Entrypoint', 'Env', 'WorkingDir', 'User']) t.notOk(field in body, field)
  t.equal(body.name, 'circuit-X88550014d4c82e4d-a-b--abcd')
  t.strictSame(body.Labels, {
    'circuit.server': 'X88550014d4c82e4d',
    'circuit.name': 'web1',
    'circuit.anchor': '/X88550014d4c82e4d/a b/ü',
  })
  t.notOk('Memory' in (body.HostConfig ?? {}))
})

t.test('ports', async (t) => {
  const { HostConfig, ExposedPorts } = of({ Ports: ['80', '8080:80', '[::1]:53:53/udp'] })
  t.strictSame(HostConfig?.PortBindings, {
    '80/tcp': [
      { HostIp: '', HostPort: '' },
      { HostIp: '', HostPort: '8080' },
    ],
    '53/udp': [{ HostIp: '::1', HostPort: '53' }],
  })
  t.strictSame(ExposedPorts, { '80/tcp': {}, '53/udp': {} })
  for (const wrong of ['', 'x', '80/xyz', '1:2:3:4', '80:'])
    t.throws(() => of({ Ports: [wrong] }), { code: 'EINVAL' })
})

t.test('restarts', async (t) => {
  t.strictSame(of({}).HostConfig?.RestartPolicy, { Name: 'no' })
  t.strictSame(of({ Restart: 'on-failure:3' }).HostConfig?.RestartPolicy, {
    Name: 'on-failure',
    MaximumRetryCount: 3,
  })
  for (const wrong of ['', 'yes', 'always:3', 'on-failure:'])
    t.throws(() => of({ Restart: wrong }), { code: 'EINVAL' })
})

t.test('labels of the circuit are not overwritten', async (t) => {
  t.match(of({ Labels: { 'circuit.server': 'x', K: 'V' } }).Labels, {
    'circuit.server': 'X88550014d4c82e4d',
    K: 'V',
  })
})
