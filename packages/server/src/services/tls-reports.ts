import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Log } from '@posthorn/mail'
import { type DayTally, type SessionResult, TlsTally } from '@posthorn/mta'
import { makeFolders } from '../make-folders.ts'

export interface TlsReportParts {
  /** `tlsrpt` in the data folder: a folder for each day, a file in it for each process. */
  readonly folder: string
  readonly log: Log
  readonly now: () => number
  /** Sends what a day has brought; asked once the day is over. */
  readonly send: (day: string, tally: DayTally, signal: AbortSignal) => Promise<void>
  readonly random?: () => number
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs
/** A process that ends without a word has lost this much at most. */
const saveEveryMs = 5 * minuteMs
const lookEveryMs = 10 * minuteMs
/** Long after every process has written down its part. */
const restMs = 30 * minuteMs
/** RFC 8460 §5.4: that not everybody reports at midnight. */
const spreadMs = 3 * hourMs
/** Who claimed a day and has not sent it by then never will. */
const claimedForMs = 6 * hourMs
/** Older days interest nobody. */
const keptMs = 4 * dayMs

const closeWithinMs = 3_000

const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10)
const dayName = /^(\d{4}-\d\d-\d\d)(\.sending-.*)?$/

/**
 * What TLS did at other servers, by day (UTC), in files until the day is reported. RFC 8460. Each process counts for
 * itself; the one that finds a day over first sends the reports of all.
 */
export class TlsReports {
  readonly #parts: TlsReportParts
  readonly #file: string
  readonly #delayMs: number
  readonly #timers: readonly NodeJS.Timeout[]
  readonly #stopped = new AbortController()
  #day = ''
  #tally = new TlsTally()
  #sending: Promise<void> = Promise.resolve()

  constructor(parts: TlsReportParts) {
    this.#parts = parts
    this.#file = `${process.pid}-${parts.now()}.json`
    this.#delayMs = restMs + (parts.random ?? Math.random)() * spreadMs
    this.#timers = [
      setInterval(() => this.save(), saveEveryMs).unref(),
      setInterval(() => void this.sendDue(), lookEveryMs).unref(),
    ]
  }

  record(result: SessionResult): void {
    const day = dayOf(this.#parts.now())
    if (day !== this.#day) {
      this.save()
      this.#day = day
      this.#tally = new TlsTally()
    }
    this.#tally.add(result)
  }

  save(): void {
    if (!this.#tally.changed) return
    const folder = join(this.#parts.folder, this.#day)
    const file = join(folder, this.#file)
    try {
      makeFolders(folder, 0o700)
      writeFileSync(`${file}.new`, JSON.stringify(this.#tally.save()), { mode: 0o600 })
      renameSync(`${file}.new`, file)
    } catch (error) {
      this.#warn(`cannot write ${file}`, error)
    }
  }

  /** Days that are over are claimed, sent and forgotten. */
  async sendDue(): Promise<void> {
    this.#sending = this.#sending.then(async () => {
      for (const name of this.#names()) if (!this.#stopped.signal.aborted) await this.#sendIfDue(name)
    })
    await this.#sending
  }

  async close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.#stopped.abort()
    this.save()
    // A web server of others must not hold up our end: what is not told by then is told after the next start.
    const { promise: late, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, closeWithinMs)
    await Promise.race([this.#sending, late])
    clearTimeout(timer)
  }

  async #sendIfDue(name: string): Promise<void> {
    const { folder, now, send } = this.#parts
    const day = dayName.exec(name)?.[1] ?? ''
    const overMs = now() - (Date.parse(`${day}T00:00:00Z`) + dayMs)
    if (overMs < this.#delayMs) return
    const place = join(folder, name)
    try {
      if (overMs > keptMs) {
        rmSync(place, { recursive: true, force: true })
        return
      }
      if (name !== day && now() - statSync(place).mtimeMs < claimedForMs) return
      const claimed = join(folder, `${day}.sending-${process.pid}-${now()}`)
      renameSync(place, claimed)
      const tally = this.#read(claimed)
      await send(day, tally, this.#stopped.signal)
      if (!this.#stopped.signal.aborted) rmSync(claimed, { recursive: true, force: true })
      // Not all is sent: another process, or this one started again, goes on with it at once.
      else renameSync(claimed, join(folder, day))
    } catch (error) {
      // Another process was quicker.
      if ((error as { code?: string }).code !== 'ENOENT') this.#warn(`cannot report ${place}`, error)
    }
  }

  #read(folder: string): DayTally {
    const all = new TlsTally()
    for (const name of readdirSync(folder)) {
      if (!name.endsWith('.json')) continue
      try {
        all.merge(JSON.parse(readFileSync(join(folder, name), 'utf8')) as DayTally)
      } catch (error) {
        this.#warn(`cannot read ${join(folder, name)}`, error)
      }
    }
    return all.save()
  }

  #names(): readonly string[] {
    try {
      return readdirSync(this.#parts.folder).filter((name) => dayName.test(name))
    } catch {
      return []
    }
  }

  #warn(text: string, error: unknown): void {
    this.#parts.log({ level: 'warning', service: 'tlsrpt', text, error })
  }
}
