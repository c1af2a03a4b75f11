import { AggregatorRegistry } from 'prom-client'
import type { MetricValues } from './process-metrics.ts'

interface Metric {
  readonly name: string
  readonly values: readonly {
    readonly value: number
    readonly labels: Readonly<Record<string, string | number>>
    readonly metricName?: string
  }[]
}

/** Numbers of several processes as one page in Prometheus' text format. */
export async function metricsPage(processes: readonly MetricValues[]): Promise<string> {
  return await AggregatorRegistry.aggregate([...processes.map((values) => [...values])]).metrics()
}

/** The same as sums: `posthorn_deliveries_total{status=sent}`. */
export class Totals {
  readonly #metrics = new Map<string, Metric['values'][number][]>()

  constructor(processes: readonly MetricValues[]) {
    for (const values of processes)
      for (const metric of values as readonly Metric[]) {
        const known = this.#metrics.get(metric.name) ?? []
        known.push(...metric.values)
        this.#metrics.set(metric.name, known)
      }
  }

  /** The sum over all label sets that have these labels. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number {
    let sum = 0
    for (const one of this.#metrics.get(name) ?? []) {
      if (Object.entries(labels).every(([label, value]) => one.labels[label] === value)) sum += one.value
    }
    return sum
  }

  /** The largest: for what every process sees alike. */
  max(name: string): number {
    return Math.max(0, ...(this.#metrics.get(name) ?? []).map(({ value }) => value))
  }

  labelsOf(name: string, label: string): readonly string[] {
    const found = (this.#metrics.get(name) ?? []).map(({ labels }) => String(labels[label] ?? ''))
    return [...new Set(found)].toSorted()
  }
}
