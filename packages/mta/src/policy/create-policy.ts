import type { Resolver } from '@posthorn/dns'
import type { Log } from '@posthorn/mail'
import type { Answer } from '@posthorn/smtp'
import type { Tables } from '../tables/index.ts'
import type { AddressVerifier } from '../verify/index.ts'
import { createAccessAction } from './access-action.ts'
import type { AddressBook } from './address-book.ts'
import { DnsLists } from './dns-lists.ts'
import { type Course, runList } from './engine.ts'
import type { Greylist } from './greylist/greylist.ts'
import { createNetworkList } from './networks.ts'
import { lookupFailure, patient } from './patient.ts'
import { createPermitLog } from './permit-log.ts'
import { defaultCodes, defaultUnverified, type PolicyOptions } from './policy-options.ts'
import { createPolicyServices } from './policy-service.ts'
import { createPosters } from './posters.ts'
import { type PolicyRequest, recipientSubject, type Stage, stages, subjectOf } from './request.ts'
import type { PolicyParts } from './restriction.ts'
import {
  type ListSource,
  PolicyError,
  type RestrictionList,
  readRestrictionList,
} from './restriction-list.ts'
import { restrictions } from './restrictions/index.ts'
import { unlistedRecipientVerdict } from './restrictions/reject-unlisted-recipient.ts'
import { unlistedSenderVerdict } from './restrictions/reject-unlisted-sender.ts'
import { dunno, type Effect, type Refusal, type Verdict } from './verdict.ts'

export interface PolicyOutcome {
  readonly refusal?: Refusal
  readonly effects: readonly Effect[]
}

export interface Policy {
  /** smtpd_delay_reject: what was not asked at its own stage is asked at RCPT (or ETRN). */
  readonly delayReject: 'yes' | 'no'
  /**
   * Asks the lists that belong to a command: `connect`, `helo`, `mail` (nothing when delayed), `rcpt` (all that
   * were delayed, then relay and recipient), `data`, `end-of-data`, `etrn`.
   */
  ask(command: PolicyCommand, request: PolicyRequest): Answer<PolicyOutcome>
  /** false: there is nothing to be asked at a command, and no request need be made. */
  asks(command: PolicyCommand): boolean
}

export type PolicyCommand = 'connect' | 'helo' | 'mail' | 'rcpt' | 'data' | 'end-of-data' | 'etrn'

export interface PolicySources {
  readonly tables: Tables
  readonly dns: Resolver
  readonly addresses: AddressBook
  readonly greylist: Greylist
  /** For reject_unverified_sender and its sibling. */
  readonly verifier?: AddressVerifier
  readonly log: Log
  readonly now: () => number
}

const accepted: PolicyOutcome = { effects: [] }

/** Reads all lists. Throws PolicyError or TableError, naming the parameter. */
export function createPolicy(options: PolicyOptions, sources: PolicySources): Policy {
  // One event loop turn runs one list at a time up to its first wait, so the course travels with the request.
  const courses = new WeakMap<PolicyRequest, Course>()
  const run: ListSource['run'] = (list, request, subject, depth) => {
    let course = courses.get(request)
    if (course === undefined) {
      course = newCourse()
      courses.set(request, course)
    }
    return runList(sources, course, list, request, subject, depth)
  }
  const { lists, parts } = readLists(options, sources, run)
  const posters = options.posters === undefined ? undefined : createPosters(options.posters, parts)
  const order = commandOrder(options.delayReject ?? 'yes', options.relayBeforeRecipient ?? 'yes')
  /** Synchronous as long as nothing has to wait. */
  function walk(work: Work, from: number): Answer<PolicyOutcome> {
    for (let i = from; i < work.plan.length; i++) {
      const answer = (work.plan[i] as Step)(work.request)
      if (answer instanceof Promise) {
        return answer.then((verdict) => refusedBy(work, verdict) ?? walk(work, i + 1))
      }
      const outcome = refusedBy(work, answer)
      if (outcome !== undefined) return outcome
    }
    return end(work)
  }

  /** An unlisted recipient's temporary fault comes without a list around it. */
  function refusedBy(work: Work, verdict: Verdict): PolicyOutcome | undefined {
    return verdict.kind === 'refuse' || verdict.kind === 'defer-if-permit'
      ? refused(work, verdict.refusal)
      : undefined
  }

  const listStep =
    (stage: Stage): Step =>
    (request) => {
      // Postfix: SMTPD_CHECK_RESET: it holds for the rest of its own list.
      const course = courses.get(request)
      if (course !== undefined) course.deferIfReject = undefined
      return run(lists[stage], request, subjectOf(stage, request), 0)
    }

  /** What is to be deferred if it is permitted is not looked up any more. Postfix: smtpd_check_rcpt(). */
  const earlierDoubt: Step = (request) => {
    const refusal = courses.get(request)?.deferIfPermit
    return refusal === undefined ? dunno : { kind: 'refuse', refusal }
  }

  function plan(command: PolicyCommand): readonly Step[] {
    const steps: Step[] = order[command].flatMap((stage) => {
      const own = lists[stage].checks.length === 0 ? [] : [listStep(stage)]
      // Postfix: smtpd_check_mail() ends with it, whatever the list has permitted.
      const listed: readonly Step[] =
        stage === 'sender' && options.rejectUnlistedSender === 'yes'
          ? [(request) => unlistedSenderVerdict(parts, request)]
          : []
      return [...own, ...listed]
    })
    if (command !== 'rcpt') return steps
    if (posters !== undefined)
      steps.push((request) =>
        patient(
          () => posters(request),
          (error) => lookupFailure(parts, recipientSubject(request), error),
        ),
      )
    if (options.rejectUnlistedRecipient !== 'no')
      steps.push(earlierDoubt, (request) => unlistedRecipientVerdict(parts, request))
    return steps
  }

  const plans = Object.fromEntries(
    (Object.keys(order) as PolicyCommand[]).map((command) => [command, plan(command)]),
  ) as Record<PolicyCommand, readonly Step[]>

  function refused(work: Work, refusal: Refusal): PolicyOutcome {
    const course = courses.get(work.request)
    courses.delete(work.request)
    const later = refusal.code >= 500 ? course?.deferIfReject : undefined
    return { refusal: later ?? refusal, effects: course?.effects ?? [] }
  }

  function end(work: Work): PolicyOutcome {
    const course = courses.get(work.request)
    if (course === undefined) return accepted
    if (course.deferIfPermit !== undefined) return refused(work, course.deferIfPermit)
    courses.delete(work.request)
    return course.effects === undefined ? accepted : { effects: course.effects }
  }

  return {
    delayReject: options.delayReject ?? 'yes',
    ask: (command, request) =>
      command === 'rcpt' && isPostmaster(request) ? accepted : walk({ plan: plans[command], request }, 0),
    asks: (command) => plans[command].length > 0,
  }
}

/** RFC 5321 §4.5.1: without a domain it is taken from everybody. Postfix: smtpd_check_rcpt(). */
const isPostmaster = ({ recipient }: PolicyRequest): boolean =>
  recipient?.length === 10 && recipient.toLowerCase() === 'postmaster'

type Step = (request: PolicyRequest) => Answer<Verdict>

interface Work {
  readonly plan: readonly Step[]
  readonly request: PolicyRequest
}

function newCourse(): Course {
  return { deferIfPermit: undefined, deferIfReject: undefined, effects: undefined }
}

function commandOrder(
  delayReject: 'yes' | 'no',
  relayFirst: 'yes' | 'no',
): Readonly<Record<PolicyCommand, readonly Stage[]>> {
  const early: readonly Stage[] = ['client', 'helo', 'sender']
  const delayed = delayReject === 'yes'
  return {
    connect: delayed ? [] : ['client'],
    helo: delayed ? [] : ['helo'],
    mail: delayed ? [] : ['sender'],
    rcpt: [
      ...(delayed ? early : []),
      ...(relayFirst === 'yes' ? (['relay', 'recipient'] as const) : (['recipient', 'relay'] as const)),
    ],
    data: ['data'],
    'end-of-data': ['end_of_data'],
    etrn: [...(delayed ? (['client', 'helo'] as const) : []), 'etrn'],
  }
}

function readLists(options: PolicyOptions, sources: PolicySources, run: ListSource['run']) {
  const classes = new Map<string, () => RestrictionList>()
  const codes = { ...defaultCodes, ...options.codes }
  const permits = createPermitLog(options.loggedPermits ?? [], sources.log, sources)
  const parts: PolicyParts = {
    ...sources,
    codes,
    recipientDelimiter: options.recipientDelimiter ?? '',
    nullSenderKey: options.nullSenderKey ?? '<>',
    parentMatchesSubdomains: options.parentMatchesSubdomains ?? 'yes',
    services: createPolicyServices(
      { fingerprintDigest: options.fingerprintDigest ?? 'sha256', ...options.services },
      sources.log,
    ),
    lists: new DnsLists(
      {
        ...sources,
        replies: sources.tables.openAll(options.rblReplyMaps ?? []),
        code: codes.mapsRblRejectCode,
      },
      options.lists ?? {},
    ),
    verifier: sources.verifier,
    unverified: {
      sender: options.unverified?.sender ?? defaultUnverified,
      recipient: options.unverified?.recipient ?? defaultUnverified,
    },
    loginMaps: sources.tables.openAll(options.senderLoginMaps ?? []),
    clientCertificates: sources.tables.openAll(options.relayClientCertificates ?? []),
    fingerprintDigest: options.fingerprintDigest ?? 'sha256',
    unlistedRecipients: options.rejectUnlistedRecipient === 'no' ? 'taken' : 'refused',
    ...ownPlace(options, sources),
    permits,
    verdicts: options.verdicts ?? 'not logged',
    act: createAccessAction({
      codes,
      log: sources.log,
      permits,
      run,
      readList: (text) => readRestrictionList(text, 'access table', 'recipient', source, 'answer'),
    }),
  }
  const source: ListSource = { parts, restrictions, classes, run }
  for (const [name, text] of Object.entries(options.restrictionClasses ?? {})) {
    if (restrictions.has(name))
      throw new PolicyError('smtpd_restriction_classes', `"${name}" is a restriction's own name`)
    let list: RestrictionList | undefined
    classes.set(name, () => (list ??= readRestrictionList(text, name, 'recipient', source)))
  }
  const lists = Object.fromEntries(
    stages.map((stage) => [
      stage,
      readRestrictionList(options.restrictions[stage] ?? '', parameterOf(stage), stage, source),
    ]),
  ) as Record<Stage, RestrictionList>
  // Each class once at the start, so that its errors are seen then.
  for (const list of classes.values()) list()
  if (!lists.relay.closesRelay && !lists.recipient.closesRelay) {
    throw new PolicyError(
      'smtpd_relay_restrictions or smtpd_recipient_restrictions',
      'specify at least one working instance of: reject_unauth_destination, defer_unauth_destination, reject, defer, defer_if_permit',
    )
  }
  return { lists, parts }
}

export function parameterOf(stage: Stage): string {
  return `smtpd_${stage}_restrictions`
}

function ownPlace(
  { ownAddresses = () => [], ownNames = [], mxBackupNetworks = [] }: PolicyOptions,
  sources: PolicySources,
): Pick<PolicyParts, 'isOwnAddress' | 'isOwnName' | 'mxBackupNetworks'> {
  const names = new Set(ownNames.map((name) => name.toLowerCase()))
  return {
    isOwnAddress: (address) => ownAddresses().includes(address),
    isOwnName: (name) => names.has(name.toLowerCase()),
    mxBackupNetworks:
      mxBackupNetworks.length === 0 ? undefined : createNetworkList(mxBackupNetworks, sources),
  }
}
