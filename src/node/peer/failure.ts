/** Errors on the wire: a code of the one table, and a sentence. */
import type { circuit } from '../../proto/circuit.pb.js'
import { asCircuitError, CircuitError, isErrorCode } from '../../proto/errors.ts'
import type { Stream } from './connection.ts'

/** Answers that something failed. @param write a write of an open file; one of its reads may be answered beside it */
export function fail(stream: Stream, thrown: unknown, write = false): void {
  const error = asCircuitError(thrown)
  if (error.code === 'EPROTO') console.error('circuit: internal error:', thrown)
  stream.send({ failure: { code: error.code, sentence: error.message, write } })
}

export function decodeFailure({ code, sentence }: circuit.Failure.$Properties): CircuitError {
  return isErrorCode(code)
    ? new CircuitError(code, sentence ?? undefined)
    : asCircuitError(new Error(`${code}: ${sentence}`))
}
