import type { LoginChoice, LoginRow } from '@posthorn/accounts'
import type { ClientActivity } from '@posthorn/mta'
import type { QueueId, Wake } from '@posthorn/storage'
import type { ConfigTexts } from '../config/config.ts'
import type { ListedEntry } from '../control/public-server.ts'
import type { MetricValues } from '../metrics/process-metrics.ts'
import type { SampleAccount } from '../start/greeting.ts'
import type { MailServerPorts } from '../start/ports.ts'
import type { FlushRequest, ProcessStatus } from '../start/running.ts'

/**
 * The configuration travels as text: a worker that is started later must not read a main.cf that nobody has
 * reloaded yet, or that has become faulty since.
 */
export interface WorkerConfiguration {
  /** As it was when the server started: what needs a restart stays so. */
  readonly atStart: ConfigTexts
  /** As it was reloaded last. */
  readonly current: ConfigTexts
}

export interface WorkerAnswers {
  status: ProcessStatus
  reload: null
  sampleAccounts: readonly SampleAccount[]
  metrics: MetricValues
  submit: null
  pickup: null
  listQueue: readonly ListedEntry[]
  flushQueue: null
  logins: readonly LoginRow[]
  kick: number
  stop: null
}

export type WorkerQuestion =
  | { readonly kind: 'status' }
  | { readonly kind: 'sampleAccounts' }
  | { readonly kind: 'metrics' }
  | { readonly kind: 'submit'; readonly recipient: string; readonly messageBase64: string }
  | { readonly kind: 'pickup' }
  | { readonly kind: 'listQueue'; readonly after?: QueueId }
  | { readonly kind: 'flushQueue'; readonly what: FlushRequest }
  | { readonly kind: 'logins'; readonly choice: LoginChoice }
  | { readonly kind: 'kick'; readonly choice: LoginChoice }
  | { readonly kind: 'stop' }
  | { readonly kind: 'reload'; readonly texts: ConfigTexts }

export interface Failure {
  readonly message: string
  readonly remedy: string
}

/** What a worker and the primary process say to each other over the cluster's channel. */
export type WorkerMessage =
  | { readonly kind: 'ready'; readonly ports: MailServerPorts }
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'alive' }
  | { readonly kind: 'activity'; readonly activity: readonly ClientActivity[] }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: unknown; readonly failure?: Failure }

export type PrimaryMessage =
  | { readonly kind: 'begin'; readonly configuration: WorkerConfiguration }
  /** A command of the shell changed the store. */
  | { readonly kind: 'wake'; readonly wake: Wake }
  /** Comes with a connection to another worker. */
  | { readonly kind: 'peer' }
  /** Is answered at once, with the same. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'ask'; readonly id: number; readonly question: WorkerQuestion }
