import type { Answer } from '@posthorn/smtp'
import { lookupFailure, patient } from './patient.ts'
import { policyLogText, refusalText } from './reply-text.ts'
import type { PolicyRequest, Subject } from './request.ts'
import type { Check, PolicyParts } from './restriction.ts'
import type { RestrictionList } from './restriction-list.ts'
import { dunno, type Effect, permit, type Refusal, type Verdict } from './verdict.ts'

/** What one question gathers on its way through the lists. */
export interface Course {
  deferIfPermit: Refusal | undefined
  deferIfReject: Refusal | undefined
  /** undefined until there is one. */
  effects: Effect[] | undefined
}

/**
 * Runs restrictions left to right until one permits or refuses. Synchronous unless a restriction has to
 * wait, since this runs for every recipient.
 */
export function runList(
  parts: Pick<PolicyParts, 'log'>,
  course: Course,
  list: RestrictionList,
  request: PolicyRequest,
  subject: Subject,
  depth: number,
): Answer<Verdict> {
  const run = { parts, course, checks: list.checks, request, subject, depth }
  return runFrom(run, 0, false)
}

interface Run {
  readonly parts: Pick<PolicyParts, 'log'>
  readonly course: Course
  readonly checks: readonly Check[]
  readonly request: PolicyRequest
  readonly subject: Subject
  readonly depth: number
}

function runFrom(run: Run, start: number, warnAtStart: boolean): Answer<Verdict> {
  let warn = warnAtStart
  for (let i = start; i < run.checks.length; i++) {
    const check = run.checks[i] as Check
    const answer = patient(
      () => check(run.request, run.subject, run.depth),
      (error) => lookupFailure(run.parts, run.subject, error),
    )
    if (answer instanceof Promise) {
      const warned = warn
      return answer.then((verdict) => {
        const end = settle(run, verdict, warned)
        return end ?? runFrom(run, i + 1, verdict.kind === 'warn-next')
      })
    }
    const end = settle(run, answer, warn)
    if (end !== undefined) return end
    warn = answer.kind === 'warn-next'
  }
  return dunno
}

/** The list's verdict when this one ends it. */
function settle(run: Run, verdict: Verdict, warn: boolean): Verdict | undefined {
  switch (verdict.kind) {
    case 'dunno':
    case 'warn-next':
      return undefined
    case 'permit':
      return verdict
    case 'refuse':
    case 'defer-if-permit':
    case 'defer-if-reject':
      if (warn) {
        logWarning(run, verdict.refusal)
        return undefined
      }
      if (verdict.kind === 'refuse') return verdict
      if (verdict.kind === 'defer-if-permit') run.course.deferIfPermit ??= verdict.refusal
      else run.course.deferIfReject ??= verdict.refusal
      return undefined
    case 'effect':
      run.course.effects ??= []
      run.course.effects.push(verdict.effect)
      return verdict.effect.kind === 'discard' ? permit : undefined
  }
}

function logWarning(run: Run, refusal: Refusal): void {
  run.parts.log({
    level: 'info',
    service: 'smtpd',
    queueId: run.request.queueId === '' ? 'NOQUEUE' : run.request.queueId,
    text: policyLogText('reject_warning', run.request, refusalText(refusal)),
  })
}
