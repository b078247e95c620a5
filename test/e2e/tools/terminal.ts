/** A real terminal to type in: a shell in tmux(1). */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import type { Test } from 'tap'
import { until } from '../../server.ts'

const run = promisify(execFile)

/** How a shell is started that reads nobody's settings. */
const INTERACTIVE: Readonly<Record<string, string>> = {
  bash: 'bash --norc --noprofile',
  zsh: 'zsh -f',
  dash: 'dash -i',
  'busybox sh': 'busybox sh',
  fish: 'fish --no-config --private',
}

export class Terminal {
  readonly #tmux: readonly string[]
  readonly #env: NodeJS.ProcessEnv

  private constructor(tmux: readonly string[], env: NodeJS.ProcessEnv) {
    this.#tmux = tmux
    this.#env = env
  }

  /** Opens a terminal in which a shell stands in a directory; the test's teardown closes it. */
  static async open(
    t: Test,
    shell: string,
    directory: string,
    env: Readonly<Record<string, string>>,
  ): Promise<Terminal> {
    const tmux = ['-f', '/dev/null', '-L', `circuit-${process.pid}-${randomBytes(3).toString('hex')}`]
    const terminal = new Terminal(tmux, { ...process.env, ...env })
    const command = `cd '${directory}' && exec env PS1='ready> ' ${INTERACTIVE[shell]}`
    await terminal.#ask('new-session', '-d', '-x', '100', '-y', '30', `exec sh -c "${command}"`)
    t.teardown(() => terminal.#ask('kill-server').catch(() => {}))
    return terminal
  }

  async #ask(...words: string[]): Promise<string> {
    const { stdout } = await run('tmux', [...this.#tmux, ...words], { env: this.#env, cwd: '/' })
    return stdout
  }

  /** Types text as it stands. */
  async type(text: string): Promise<void> {
    await this.#ask('send-keys', '-l', '--', text)
  }

  /** Presses a key by its name in tmux: Enter, C-c. */
  async press(key: string): Promise<void> {
    await this.#ask('send-keys', key)
  }

  async line(text: string): Promise<void> {
    await this.type(text)
    await this.press('Enter')
  }

  /** What is on the screen, without empty lines. */
  async screen(): Promise<string> {
    return (await this.#ask('capture-pane', '-p')).replaceAll(/\n+/g, '\n').trim()
  }

  /** Waits until the screen shows something; says what it shows if it never does. */
  async shows(expected: RegExp): Promise<void> {
    let screen = ''
    const matches = async (): Promise<boolean> => {
      screen = await this.screen()
      return expected.test(screen)
    }
    try {
      await until(matches)
    } catch (cause) {
      throw new Error(`the terminal does not show ${expected}:\n${screen}`, { cause })
    }
  }
}
