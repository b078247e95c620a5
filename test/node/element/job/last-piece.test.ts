import t from 'tap'
import { LastPiece } from '../../../../src/node/element/job/last-piece.ts'

/** Reads into a piece's room, as pipes do. */
function read(piece: LastPiece, text: string): void {
  const room = piece.room()
  room.write(text)
  piece.keep(room.subarray(0, text.length))
}

t.test('what was handed last can be had again', async (t) => {
  const piece = new LastPiece()
  t.ok(piece.isEmpty)
  read(piece, 'first')
  read(piece, 'second')
  t.notOk(piece.isEmpty)
  t.equal(String(piece.take()), 'second')
  t.equal(piece.take(), undefined, 'once')
  read(piece, '')
  t.ok(piece.isEmpty, 'the end of a file is nothing to keep')
})

t.test('also when another pipe was read since', async (t) => {
  const one = new LastPiece()
  const other = new LastPiece()
  read(one, 'one')
  read(other, 'other')
  t.equal(String(one.take()), 'one')
  t.equal(String(other.take()), 'other')
})

t.test('buffers are bounded: the oldest piece goes', async (t) => {
  const pieces = Array.from({ length: 40 }, () => new LastPiece())
  for (const [n, piece] of pieces.entries()) read(piece, `piece ${n}`)
  const kept = pieces.filter((piece) => !piece.isEmpty)
  t.strictSame(kept, pieces.slice(-16))
  t.equal(String(kept[0]?.take()), 'piece 24')
  for (const piece of pieces) piece.drop()
})
