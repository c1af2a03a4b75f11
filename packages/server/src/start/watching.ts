import type { Log } from '@posthorn/mail'
import { ListenError, servePages } from '@posthorn/net'
import type { Config } from '../config/config.ts'
import { startDailyReport } from '../metrics/daily-report.ts'
import { metricsPage, Totals } from '../metrics/site-metrics.ts'
import { type Summary, summaryOf } from '../metrics/summary.ts'
import { StartError } from '../start-error.ts'
import type { Running } from './running.ts'

export interface WatchingParts {
  readonly running: Running
  readonly config: () => Config
  readonly log: Log
}

/** What `posthorn stats` shows. */
export interface SiteStats {
  readonly summary: Summary
  readonly queued: number
  readonly connections: Readonly<Record<string, number>>
  /** Rows of `agent status count`. */
  readonly deliveries: readonly (readonly [agent: string, status: string, count: number])[]
  readonly rejects: readonly (readonly [stage: string, replies: string, count: number])[]
}

export async function siteStats(running: Running): Promise<SiteStats> {
  const totals = new Totals(await running.metrics())
  const rows = (metric: string, first: string, second: string) =>
    totals
      .labelsOf(metric, first)
      .flatMap((one) =>
        totals
          .labelsOf(metric, second)
          .map((two) => [one, two, totals.sum(metric, { [first]: one, [second]: two })] as const),
      )
      .filter(([, , count]) => count > 0)
  return {
    summary: summaryOf(totals),
    queued: totals.max('posthorn_queue_messages'),
    connections: Object.fromEntries(
      totals
        .labelsOf('posthorn_connections', 'protocol')
        .map((protocol) => [protocol, totals.sum('posthorn_connections', { protocol })]),
    ),
    deliveries: rows('posthorn_deliveries_total', 'agent', 'status'),
    rejects: rows('posthorn_smtp_rejects_total', 'stage', 'class'),
  }
}

/** `9154`, `127.0.0.1:9154`, `[::1]:9154`. */
function placeOf(text: string): { readonly host: string; readonly port: number } {
  const colon = text.lastIndexOf(':')
  const host = colon === -1 ? '' : text.slice(0, colon).replace(/^\[(.*)\]$/, '$1')
  return { host: host === '' ? '127.0.0.1' : host, port: Number(text.slice(colon + 1)) }
}

const plain = (text: string) => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', text })

/** Serves metrics where metrics_listen says, and sends the daily report. Returns what ends both. */
export async function startWatching({ running, config, log }: WatchingParts): Promise<() => Promise<void>> {
  const { metrics_listen: where } = config().values
  const stopReport = startDailyReport({
    config,
    now: Date.now,
    summary: async () => await siteStats(running),
    send: async (recipient, message) => await running.submit(recipient, message),
    onFault: (error) =>
      log({ level: 'error', service: 'master', text: 'cannot send the daily report', error }),
  })
  if (where === '') return async () => stopReport()
  try {
    const pages = await servePages(placeOf(where), async (path) => {
      if (path === '/metrics') return plain(await metricsPage(await running.metrics()))
      if (path === '/health') return plain('ok\n')
      return undefined
    })
    log({ level: 'info', service: 'master', text: `metrics on port ${pages.port}` })
    return async () => {
      stopReport()
      await pages.close()
    }
  } catch (error) {
    stopReport()
    if (!(error instanceof ListenError)) throw error
    throw new StartError(`${error.message.replace(/; [^;]*$/, '')} (metrics_listen)`, error.remedy, {
      cause: error,
    })
  }
}
