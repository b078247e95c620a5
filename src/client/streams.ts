/** Open files as Node's streams, and as web streams. A stream that fails or is destroyed early gives up what it waits for. */
import { Readable, Writable } from 'node:stream'
import type { OpenFile } from './open-file.ts'

export function readableOf(file: OpenFile): Readable {
  const end = new AbortController()
  return new Readable({
    // What is read ahead would be taken from others.
    highWaterMark: 0,
    read(max) {
      file.read(max || undefined, { signal: end.signal }).then(
        (bytes) => this.push(bytes.length > 0 ? bytes : null),
        (error) => this.destroy(error),
      )
    },
    destroy(error, done) {
      end.abort()
      leave(file, error).then(() => done(error), done)
    },
  })
}

export function writableOf(file: OpenFile): Writable {
  const end = new AbortController()
  return new Writable({
    write(bytes: Buffer, _encoding, done) {
      file.write(bytes, { signal: end.signal }).then(() => done(), done)
    },
    final(done) {
      file.close().then(() => done(), done)
    },
    destroy(error, done) {
      end.abort()
      // After `final` it is closed already.
      file.abandon()
      done(error)
    },
  })
}

export function readableStreamOf(file: OpenFile): ReadableStream<Uint8Array> {
  const end = new AbortController()
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const bytes = await file.read(undefined, { signal: end.signal })
        if (bytes.length > 0) return controller.enqueue(bytes)
        await file.close()
        controller.close()
      },
      async cancel() {
        end.abort()
        await file.close()
      },
    },
    { highWaterMark: 0 },
  )
}

export function writableStreamOf(file: OpenFile): WritableStream<Uint8Array | string> {
  const end = new AbortController()
  return new WritableStream<Uint8Array | string>({
    async write(data) {
      await file.write(data, { signal: end.signal })
    },
    close: () => file.close(),
    abort() {
      end.abort()
      file.abandon()
    },
  })
}

/** A reader that leaves early has taken what it was given; one that failed has not. */
async function leave(file: OpenFile, error: Error | null): Promise<void> {
  if (error) file.abandon()
  else await file.close()
}
