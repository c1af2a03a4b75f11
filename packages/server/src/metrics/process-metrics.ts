import type { Log } from '@posthorn/mail'
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Config } from '../config/config.ts'
import type { ProcessStatus } from '../start/running.ts'
import { createEventCounters } from './event-counters.ts'

/** One process's numbers as plain objects: a worker's travel to its primary, which adds them up. */
export type MetricValues = readonly object[]

export interface ProcessMetrics {
  /** In the place of the log that was given: it counts what passes. */
  readonly log: Log
  values(): Promise<MetricValues>
  /** What is looked up when somebody asks. */
  observe(status: () => Promise<ProcessStatus>): void
}

export interface MetricsOptions {
  /** Counts alone, or also memory, processor, event loop and collections of garbage: these wake an idle process 100 times a second. */
  readonly of: 'mail' | 'mail and process'
}

/** Prometheus alone asks for what concerns the process. */
export const metricsOptions = ({ values }: Config): MetricsOptions => ({
  of: values.metrics_listen === '' ? 'mail' : 'mail and process',
})

export function createProcessMetrics(log: Log, options: MetricsOptions): ProcessMetrics {
  const registry = new Registry()
  const counters = createEventCounters(registry, log)
  const registers = [registry]
  let status: (() => Promise<ProcessStatus>) | undefined
  const sessions = new Gauge({
    name: 'posthorn_connections',
    help: 'Open connections by protocol',
    labelNames: ['protocol'],
    registers,
  })
  const queued = new Gauge({
    name: 'posthorn_queue_messages',
    help: 'Messages in the queue',
    registers,
    // Every process sees the same queue.
    aggregator: 'max',
  })
  if (options.of === 'mail and process') collectDefaultMetrics({ register: registry, prefix: 'posthorn_' })
  return {
    log: counters.log,
    observe: (next) => {
      status = next
    },
    values: async () => {
      const now = await status?.()
      for (const [protocol, count] of Object.entries(now?.connections ?? {}))
        sessions.set({ protocol }, count)
      queued.set(now?.queued ?? 0)
      return await registry.getMetricsAsJSON()
    },
  }
}
