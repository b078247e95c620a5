/**
 * Reads requests from /dev/fuse, one at a time, in order.
 *
 * Two ways. `epoll` hands the descriptor to libuv's pipe, which waits for it with epoll and reads in the event loop:
 * up to three times the requests of the other way, but it needs an internal binding of Node. `pool` is fs.read, which
 * holds one thread of the pool. Which is taken is decided once, at the start: epoll where it is to be had.
 */
import { read } from 'node:fs'
import { Socket } from 'node:net'
import { REQUEST_BUFFER_BYTES } from './abi.ts'

export type ReaderKind = 'epoll' | 'pool'

export interface Reader {
  readonly kind: ReaderKind
}

export interface ReaderEvents {
  /** A request; the buffer is used again when this returns. */
  readonly onRequest: (request: Buffer) => void
  /** The mount has gone (undefined), or reading failed. */
  readonly onEnd: (error?: Error) => void
}

/** libuv's stream over a descriptor, as net.Socket uses it. */
interface PipeHandle {
  open(fd: number): number
}
interface PipeBinding {
  readonly Pipe: new (type: number) => PipeHandle
  readonly constants: { readonly SOCKET: number }
}

/** Starts reading. `kind` forces one way; otherwise epoll is tried first. @throws when the forced way is not to be had */
export function startReader(fd: number, events: ReaderEvents, kind?: ReaderKind): Reader {
  if (kind === 'pool') return startPool(fd, events)
  try {
    return startEpoll(fd, events)
  } catch (error) {
    if (kind === 'epoll') throw error
    return startPool(fd, events)
  }
}

function startEpoll(fd: number, { onRequest, onEnd }: ReaderEvents): Reader {
  const { binding } = process as unknown as { binding?: (name: string) => PipeBinding }
  if (binding === undefined) throw new Error('this Node has no process.binding')
  const { Pipe, constants } = binding.call(process, 'pipe_wrap')
  const handle = new Pipe(constants.SOCKET)
  const status = handle.open(fd)
  if (status !== 0) throw new Error(`libuv can't poll /dev/fuse: error ${status}`)
  const buffer = Buffer.allocUnsafeSlow(REQUEST_BUFFER_BYTES)
  const onread = {
    buffer,
    callback: (size: number): boolean => {
      onRequest(buffer.subarray(0, size))
      return true
    },
  }
  const options = { handle, readable: true, writable: false, onread }
  const socket = new Socket(options)
  socket.on('error', (error) => onEnd(isGone(error) ? undefined : error))
  socket.on('end', () => onEnd())
  socket.resume()
  return { kind: 'epoll' }
}

function startPool(fd: number, { onRequest, onEnd }: ReaderEvents): Reader {
  const buffer = Buffer.allocUnsafeSlow(REQUEST_BUFFER_BYTES)
  const next = (): void =>
    read(fd, buffer, 0, buffer.length, null, (error, size) => {
      if (error && isPassing(error)) return next()
      if (error || size === 0) return onEnd(error && !isGone(error) ? error : undefined)
      onRequest(buffer.subarray(0, size))
      next()
    })
  next()
  return { kind: 'pool' }
}

/** The device says ENODEV once the filesystem is unmounted, ECONNABORTED when its connection was aborted. */
const isGone = ({ code }: NodeJS.ErrnoException): boolean => code === 'ENODEV' || code === 'ECONNABORTED'

/** ENOENT: the request was interrupted while it was being read (fuse_dev_do_read). */
const isPassing = ({ code }: NodeJS.ErrnoException): boolean =>
  code === 'ENOENT' || code === 'EINTR' || code === 'EAGAIN'
