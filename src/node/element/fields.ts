/** The JSON argument of a maker, checked against a table of its fields. */
import type { Command } from '../../proto/command.ts'
import { CircuitError } from '../../proto/errors.ts'

/** A field's type, by the function that checks a value; undefined says that it is not of the type. */
export interface Field<T> {
  readonly type: string
  readonly check: (value: unknown) => T | undefined
}

export const text: Field<string> = {
  type: 'a string',
  check: (value) => (typeof value === 'string' && !value.includes('\0') ? value : undefined),
}

export const texts: Field<readonly string[]> = {
  type: 'an array of strings',
  check: (value) =>
    Array.isArray(value) && value.every((item) => text.check(item) !== undefined) ? value : undefined,
}

export const flag: Field<boolean> = {
  type: 'true or false',
  check: (value) => (typeof value === 'boolean' ? value : undefined),
}

/** A whole number within bounds, both included. */
export const count = (least: number, most: number): Field<number> => ({
  type: `a whole number from ${least} to ${most}`,
  check: (value) =>
    typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
      ? value
      : undefined,
})

/** A number within bounds, both included. */
export const number = (least: number, most: number): Field<number> => ({
  type: `a number from ${least} to ${most}`,
  check: (value) => (typeof value === 'number' && value >= least && value <= most ? value : undefined),
})

export const textsByName: Field<Readonly<Record<string, string>>> = {
  type: 'an object of strings',
  check: (value) =>
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every((item) => text.check(item) !== undefined)
      ? { ...value }
      : undefined,
}

export const oneOf = <T extends string>(...choices: readonly T[]): Field<T> => ({
  type: choices.map((choice) => `"${choice}"`).join(' or '),
  check: (value) => choices.find((choice) => choice === value),
})

export type Fields = Readonly<Record<string, Field<unknown>>>
export type Values<F extends Fields> = { readonly [K in keyof F]?: F[K] extends Field<infer T> ? T : never }

/**
 * The values of a command's JSON object. Names match without regard to case; null is as if left out.
 * @throws CircuitError EINVAL naming the field that is unknown, given twice, or of the wrong type
 */
export function parseFields<F extends Fields>(command: Command, fields: F): Values<F> {
  if (command.fields === undefined || command.words.length > 0)
    throw new CircuitError(
      'EINVAL',
      `${command.verb} takes one JSON object with the fields ${Object.keys(fields).join(' ')}`,
    )
  const values: Record<string, unknown> = {}
  for (const [given, value] of Object.entries(command.fields)) {
    const name = Object.keys(fields).find((key) => key.toLowerCase() === given.toLowerCase())
    const field = name === undefined ? undefined : fields[name]
    if (name === undefined || field === undefined)
      throw new CircuitError(
        'EINVAL',
        `${command.verb} has no field ${given}; its fields are ${Object.keys(fields).join(' ')}`,
      )
    if (name in values) throw new CircuitError('EINVAL', `${command.verb}: the field ${name} is given twice`)
    if (value === null) continue
    const checked = field.check(value)
    if (checked === undefined)
      throw new CircuitError(
        'EINVAL',
        `${command.verb}: the field ${name} is ${field.type}, not ${describe(value)}`,
      )
    values[name] = checked
  }
  return values as Values<F>
}

/** The beginning of a value; it may be long, and nested deeper than there is stack for. */
function describe(value: unknown): string {
  try {
    return String(JSON.stringify(value)).slice(0, 100)
  } catch {
    return 'something nested so deeply'
  }
}
