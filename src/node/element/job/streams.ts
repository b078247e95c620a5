/** Where a job's bytes come from and go to: the server's ends of its outputs and of its input, whatever they are made of. */

/** One of its outputs. It is read on demand, so that the job blocks when nobody reads. */
export interface Source {
  /**
   * Up to `max` bytes, END at the end, undefined while there is nothing. Valid as long as the buffer is, in which they may or
   * may not lie. @throws CircuitError once all that came has been read, where it ended otherwise than by its end
   */
  read(max: number, buffer?: Buffer): Uint8Array | undefined
  /** Puts back what a read gave and nobody got. */
  unread(bytes: Uint8Array): void
  /** Whether a read would not have to wait. */
  readonly readable: boolean
  /** Calls `wake` once, after this call, as soon as a read would not have to wait. Only one waits at a time; the last one counts. */
  await(wake: (() => void) | undefined): void
  /** From now on all bytes go to `sink`, as they come, and undefined at the end. */
  flow(sink: (bytes: Uint8Array | undefined) => void): void
  /** Nobody wants what is there and what comes; the job is not held up by it. */
  drop(): void
}

/** Its input. */
export interface Sink {
  /**
   * Takes some of the bytes and says how many; undefined while it is full.
   * @throws CircuitError EPIPE when it is found to be closed
   */
  write(bytes: Uint8Array): number | undefined
  readonly full: boolean
  /** Nothing is taken any more. */
  readonly closed: boolean
  /** That was all: the job sees the end of its input once what was taken has reached it. */
  end(): void
  /** The job has gone. */
  close(): void
  /** Calls when it is not full any more, and when it has closed. One listens. */
  listen(changed: () => void): void
}
