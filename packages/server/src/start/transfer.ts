/** The transfer agent of one process: who decides about mail coming in, and the queue that sends it on. */
import type { Log } from '@posthorn/mail'
import {
  createQueueRunner,
  createReceiver,
  type DeliveryAgent,
  type DirectDelivery,
  filterReport,
  flushDomain,
  type ReceiveConfiguration,
  type SessionNotice,
  type Submission,
  submit,
} from '@posthorn/mta'
import type { SmtpHandler } from '@posthorn/smtp'
import type { Config } from '../config/config.ts'
import { transportLog } from '../log/service-log.ts'
import { siteVerification, verificationReport } from '../services/verification-report.ts'
import { createSts, createTlsReports } from './outgoing.ts'
import { queueClock } from './queue-clock.ts'
import { deliveryAgents } from './transfer-agents.ts'
import { type RuleParts, readRules, type TransferParts } from './transfer-rules.ts'

export async function createTransfer(given: TransferParts) {
  let byTransport: ReadonlyMap<string, DeliveryAgent> = new Map()
  let { config } = given
  const log = transportLog(given.log, () => config)
  const parts: RuleParts = {
    ...given,
    log,
    agent: (transport) => byTransport.get(transport),
    sts: createSts(given.config, given.resolver, log, given.now),
    reports: createTlsReports(given, {
      config: () => current.config,
      submit: async (submission) => await submitNow(submission),
    }),
    notify: (notice) => void submitNow(noticeMail(notice)),
  }
  let current = await readRules(parts, parts.config)
  const { store, accounts, logins, resolver, now, owner, statistics, notify } = parts
  /** Mail of this machine's users, by main.cf's rules. */
  const submitNow = async (submission: Submission) =>
    await submit(submission, { store, log, now, direct, configuration: () => current.pickup })
  // Asked when mail comes in: the queue is there by then.
  const direct: DirectDelivery = { offer: (recipients) => queue.offer(recipients) }
  const sources = { store, accounts, logins, dns: resolver, now, statistics, direct, notify }
  const receiver = (configuration: () => ReceiveConfiguration, log: Log) =>
    createReceiver({ ...sources, configuration, log })
  const agents = deliveryAgents(parts, () => current)
  byTransport = agents.byTransport
  const queue = createQueueRunner({
    store,
    agents: agents.byTransport,
    resolve: async (request) => await current.receive.routing.resolve(request),
    log,
    owner,
    options: () => current.queue,
    filterReport: reportFilter(parts, () => current),
    ...queueClock(now),
  })
  return {
    handler: receiver(() => current.receive, log),
    /** For a service of master.cf; one that a reload takes away is served by main.cf's rules to its end. */
    handlerOf: (key: string, log: Log): SmtpHandler =>
      receiver(() => current.receiveByService.get(key) ?? current.receive, log),
    isTrusted: (address: string): boolean =>
      current.receive.mynetworks.has(address) && (current.receive.gatewayGuard?.trusts(address) ?? true),
    start: (): void => {
      queue.start()
      void parts.reports.sendDue()
    },
    submit: submitNow,
    flushDomain: async (domain: string): Promise<void> =>
      await flushDomain(domain, { routing: current.receive.routing, queue: store.queue, nowMs: now() }),
    verificationReport: async (addresses: readonly string[], sender: string): Promise<string> =>
      await verificationReport(siteVerification(current, now()), addresses, sender),
    reload: async (wanted: Config): Promise<void> => {
      const next = await parts.contents.prepare((longFiles) => readRules(parts, wanted, longFiles))
      const before = current
      current = next
      config = wanted
      before.receive.routing.close()
    },
    /** No new delivery; those under way may end. */
    stopQueue: async (graceMs: number): Promise<void> => {
      await queue.stop(graceMs)
      await parts.reports.close()
    },
    close: (): void => {
      agents.close()
      current.receive.routing.close()
    },
  }
}

/** What it says of a fault, submit has logged. */
const noticeMail = ({ sender, recipient, message }: SessionNotice): Submission => ({
  sender,
  recipients: [{ address: recipient }],
  content: [message],
  userid: process.getuid?.() ?? 0,
})

/** Postfix: internal_mail_filter_classes. */
const reportFilter =
  (
    { store, log }: TransferParts,
    current: () => { readonly config: Config; readonly pickup: ReceiveConfiguration },
  ): NonNullable<Parameters<typeof createQueueRunner>[0]['filterReport']> =>
  async (text, envelope) =>
    current().config.values.internal_mail_filter_classes.includes('bounce')
      ? await filterReport(text, envelope, { store, log, configuration: () => current().pickup })
      : 'unchanged'
