import { constants } from 'node:os'
import t from 'tap'
import { asCircuitError, CircuitError, type ErrorCode, errnoOf } from '../../src/proto/errors.ts'

t.test('the numbers are those of Linux', async (t) => {
  const codes = [
    ...[
      'EPERM',
      'ENOENT',
      'ESRCH',
      'EINTR',
      'EBADF',
      'EAGAIN',
      'ENOMEM',
      'EACCES',
      'EBUSY',
      'EEXIST',
      'ENOTDIR',
    ],
    ...[
      'EISDIR',
      'EINVAL',
      'EMFILE',
      'ENOTTY',
      'EFBIG',
      'ESPIPE',
      'EPIPE',
      'ENAMETOOLONG',
      'ENOSYS',
      'ENOTEMPTY',
    ],
    ...[
      'ENODATA',
      'EPROTO',
      'EMSGSIZE',
      'EOPNOTSUPP',
      'EADDRINUSE',
      'EADDRNOTAVAIL',
      'ECONNRESET',
      'ETIMEDOUT',
    ],
    'ECANCELED',
  ] as (ErrorCode & keyof typeof constants.errno)[]
  for (const code of codes) t.equal(errnoOf(code), constants.errno[code], code)
  t.equal(errnoOf('EHOSTDOWN'), 112, 'EHOSTDOWN')
})

t.test('an error says what it means unless it is told what to say', async (t) => {
  t.match(new CircuitError('EPIPE'), { message: 'closed', code: 'EPIPE', errno: 32, name: 'CircuitError' })
  t.match(new CircuitError('EPIPE', 'the reader went away'), { message: 'the reader went away' })
  const { length } = new CircuitError('EINVAL', 'x'.repeat(1 << 20)).message
  t.ok(length <= 500, 'a sentence has an end, whatever it quotes')
})

t.test('whatever was thrown becomes one', async (t) => {
  const own = new CircuitError('EBUSY')
  t.equal(asCircuitError(own), own)
  const system = Object.assign(new Error('ENOENT: no such file'), { code: 'ENOENT' })
  t.match(asCircuitError(system), { code: 'ENOENT', message: 'ENOENT: no such file', cause: system })
  const foreign = Object.assign(new Error('no'), { code: 'ERR_INVALID_ARG_TYPE' })
  t.match(asCircuitError(foreign), { code: 'EPROTO', message: 'internal error: no', cause: foreign })
  t.match(asCircuitError(new TypeError('x')), { code: 'EPROTO' })
  t.match(asCircuitError(Object.assign(new Error('x'), { code: 'toString' })), { code: 'EPROTO' })
  for (const thrown of ['text', undefined, null, 7, {}])
    t.match(asCircuitError(thrown), { code: 'EPROTO', message: `internal error: ${thrown}` })
})
