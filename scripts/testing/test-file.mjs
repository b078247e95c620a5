// Runs one test file and counts its assertions.
//
// It is run by plain `node`, not by tap's own runner, because that one loads a module hook into the test and,
// through NODE_OPTIONS, into every Node process below it: the servers under test would have a second thread,
// handlers for 17 signals and another 150 ms to start. A tap test is a program that prints TAP; tap's parser
// reads it here. In exchange tap is left as it was installed, no plugin of it is rebuilt.

import { spawn } from 'node:child_process'
import { createWriteStream, mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Parser } from 'tap-parser'
import { descendants, describeProcess } from './leftovers.mjs'

const SUBREAPER = fileURLToPath(new URL('subreaper.pl', import.meta.url))

/** How long a file may take unless it calls t.setTimeout. */
const FILE_TIMEOUT_S = 120
/** What it gets beyond that to say itself what it was waiting for. */
const LAST_WORDS_MS = 3_000
/** How long processes may take to end after their test file has. */
const GRACE_MS = 2_000

/**
 * What one test file came to: counts of assertions, and what there is to say about them.
 * @typedef {{passed: number, failed: number, skips: string[], failures: {name: string, details?: unknown}[],
 *   seconds: number, stderr: string}} Outcome
 */

/** Counts the leaves of a TAP stream: assertions, and subtests that have none. */
function countInto(outcome, parser) {
  const assertion = (result) => {
    if (typeof result.skip === 'string' && result.skip.startsWith('filter: ')) return // not asked for, with -g
    const name = result.fullname || result.name || 'unnamed'
    if (result.skip || result.todo) {
      const kind = result.skip ? 'skip' : 'todo'
      const reason = typeof result[kind] === 'string' ? `: ${result[kind]}` : ''
      outcome.skips.push(`${kind} ${name}${reason}`)
    } else if (result.ok) {
      outcome.passed++
    } else {
      outcome.failed++
      outcome.failures.push({ name, details: result.diag })
    }
  }
  const follow = (level) => {
    // Of a subtest the assertions count, and not once more the line that sums them up, unless
    // that one is all there is, or is what failed.
    let child
    level.on('child', (parser) => {
      child = {
        failedBefore: outcome.failed,
        counted: outcome.passed + outcome.failed + outcome.skips.length,
      }
      follow(parser)
    })
    level.on('assert', (result) => {
      const summary = result.closingTestPoint && child
      const counted = outcome.passed + outcome.failed + outcome.skips.length
      if (!summary || counted === child.counted || (!result.ok && outcome.failed === child.failedBefore)) {
        assertion(result)
      }
      child = undefined
    })
  }
  follow(parser)
}

/**
 * @param {string} source  the test's .ts file, for names
 * @param {string} compiled  the same, compiled
 * @param {{node: string, env: NodeJS.ProcessEnv, log: string, verbose: boolean, interruption: Promise<void>}} options
 * @returns {Promise<Outcome>}
 */
export async function runTestFile(source, compiled, { node, env, log, verbose, interruption }) {
  const started = performance.now()
  /** @type {Outcome} */
  const outcome = { passed: 0, failed: 0, skips: [], failures: [], seconds: 0, stderr: '' }
  const fail = (name, details) => {
    outcome.failed++
    outcome.failures.push({ name, details })
  }

  const key = String(Math.random())
  const command = [node, '--enable-source-maps', compiled]
  const reaped = process.platform === 'linux'
  const child = spawn(reaped ? 'perl' : command[0], reaped ? [SUBREAPER, ...command] : command.slice(1), {
    // A session of its own: no terminal, here as in CI.
    detached: true,
    env: { ...env, TAP_TIMEOUT: String(FILE_TIMEOUT_S), TAP_CHILD_ID: '1', TAP_CHILD_KEY: key },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc', 'pipe'],
  })
  const closed = new Promise((resolve) => {
    child.on('close', resolve)
    child.on('error', (error) => {
      fail(`could not run: ${error.message}`)
      resolve()
    })
  })

  // TAP
  const parser = new Parser()
  countInto(outcome, parser)
  const parsed = new Promise((resolve) => parser.on('complete', resolve))
  mkdirSync(dirname(log), { recursive: true })
  child.stdout.pipe(createWriteStream(log))
  child.stdout.pipe(parser)
  if (verbose) child.stdout.pipe(process.stdout, { end: false })
  child.stderr.on('data', (data) => {
    outcome.stderr = (outcome.stderr + data).slice(-64 * 1024)
    if (verbose) process.stderr.write(data)
  })

  // The time it has: as the runner of tap does it, which the test's side of tap expects.
  let main = child.pid
  let deadline
  let late = false
  let ended = false
  const timeOut = async () => {
    late = true
    child.send({ tapAbort: 'timeout', key, child: '1' }, () => {})
    await sleep(500)
    if (!ended) process.kill(main, 'SIGALRM')
    await sleep(500)
    if (!ended) process.kill(main, 'SIGKILL')
  }
  const allow = (ms) => {
    clearTimeout(deadline)
    if (ms > 0 && !ended) deadline = setTimeout(timeOut, ms + LAST_WORDS_MS)
  }
  allow(FILE_TIMEOUT_S * 1_000)
  child.on('message', (message) => {
    if (message?.key === key && typeof message.setTimeout === 'number') allow(message.setTimeout)
  })

  // Its end, and what it leaves behind.
  const end = await new Promise((resolve) => {
    let said = ''
    child.stdio[4].on('data', (data) => {
      said += data
      main = Number(/^pid (\d+)$/m.exec(said)?.[1] ?? main)
      const [end] = /^(exit|signal) \d+$/m.exec(said) ?? []
      if (end !== undefined) resolve(end)
    })
    child.stdio[4].on('error', () => {}) // told by close
    child.on('exit', (code, signal) => resolve(signal ?? `exit ${code}`))
    child.on('error', () => resolve('exit 127'))
    interruption.then(() => resolve('interrupted'))
  })
  ended = true
  clearTimeout(deadline)
  if (late) fail(`timed out after ${((performance.now() - started) / 1_000).toFixed(1)} s`)
  else if (end !== 'exit 0' && end !== 'exit 1') fail(`ended with ${end}`)
  if (reaped && end !== 'interrupted') {
    const patience = performance.now() + GRACE_MS
    let left = descendants(child.pid)
    while (left.length > 0 && performance.now() < patience) {
      await sleep(20)
      left = descendants(child.pid)
    }
    for (const pid of left) fail(`left behind: ${describeProcess(pid)}`)
  }
  child.stdio[4].destroy() // subreaper.pl kills what is left, and ends
  await closed
  parser.end()
  const results = await parsed

  if (results.plan.skipAll && results.plan.skipReason !== 'no tests found') {
    outcome.skips.push(`skip ${source}: ${results.plan.skipReason}`)
  }
  if (results.bailout) fail(`bailed out: ${results.bailout}`)
  if (outcome.passed + outcome.failed + outcome.skips.length === 0) fail('ran no test')
  if (outcome.failed === 0 && (!results.ok || end !== 'exit 0')) {
    fail('ended before its tests did', results.failures)
  }
  outcome.seconds = (performance.now() - started) / 1_000
  return outcome
}
