/** Numbers in Prometheus' text exposition format, version 0.0.4. */
export interface Metric {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge'
  /** One value, or one for each value of a label. */
  readonly value: number | { readonly label: string; readonly values: Readonly<Record<string, number>> }
}

const escapeLabel = (text: string): string =>
  text.replace(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`))

/** The text of all metrics; each name gets the prefix `circuit_`. */
export function formatMetrics(metrics: readonly Metric[]): string {
  return metrics
    .map(({ name, help, type, value }) => {
      const full = `circuit_${name}`
      const head = `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n`
      if (typeof value === 'number') return `${head}${full} ${value}\n`
      const lines = Object.entries(value.values).map(
        ([key, number]) => `${full}{${value.label}="${escapeLabel(key)}"} ${number}\n`,
      )
      return head + lines.join('')
    })
    .join('')
}
