import type { Answer } from '@posthorn/smtp'
import { closest, splitListText } from '../tables/index.ts'
import { knownToPostfix } from './known-to-postfix.ts'
import { lookupFailure, patient, tableFailure } from './patient.ts'
import type { PolicyRequest, Stage, Subject } from './request.ts'
import { type Check, type PolicyParts, type Restriction, tableRestrictionOf } from './restriction.ts'
import { configurationError, dunno, type Verdict } from './verdict.ts'
import { told } from './verdict-log.ts'

/** A restriction list that cannot be used; `parameter` is the one in main.cf. */
export class PolicyError extends Error {
  readonly parameter: string
  constructor(parameter: string, message: string) {
    super(`${parameter}: ${message}`)
    this.name = 'PolicyError'
    this.parameter = parameter
  }
}

/** A list ready to run. */
export interface RestrictionList {
  readonly checks: readonly Check[]
  readonly closesRelay: boolean
}

export interface ListSource {
  readonly parts: PolicyParts
  readonly restrictions: ReadonlyMap<string, Restriction>
  /** smtpd_restriction_classes by name. */
  readonly classes: ReadonlyMap<string, () => RestrictionList>
  readonly run: (
    list: RestrictionList,
    request: PolicyRequest,
    subject: Subject,
    depth: number,
  ) => Answer<Verdict>
}

/** Tables and classes that name each other in a circle end here. Postfix: 100. */
export const maxDepth = 100

/**
 * Reads `permit_mynetworks, check_sender_access hash:/x, reject`. `answer`: of an access table, where what is not known
 * behind the first word counts when it is reached, as in Postfix. Throws PolicyError, TableError.
 */
export function readRestrictionList(
  text: string,
  parameter: string,
  stage: Stage,
  source: ListSource,
  from: 'main.cf' | 'answer' = 'main.cf',
): RestrictionList {
  const words = splitListText(text)
  const checks: Check[] = []
  const { verdicts, log } = source.parts
  const add = (name: string, check: Check): void => {
    checks.push(verdicts === 'logged' ? told(name, check, log) : check)
  }
  let closesRelay = false
  for (let i = 0; i < words.length; i++) {
    const word = words[i] as string
    const name = word.toLowerCase()
    const found = source.restrictions.get(name)
    if (found !== undefined) {
      const argument = found.argument === undefined ? '' : words[++i]
      if (argument === undefined)
        throw new PolicyError(parameter, `${word} needs a ${found.argument} after it`)
      const check = patientCheck(found, found.make(source.parts, argument), source.parts)
      add(`${name} ${argument}`.trim(), source.parts.permits?.watched(name, check) ?? check)
      closesRelay ||= found.closesRelay === true
      continue
    }
    const list = source.classes.get(word)
    if (list !== undefined) {
      add(word, classCheck(word, list, source))
      // As Postfix does: what a class holds counts only when asked, so it is not looked into here.
      continue
    }
    if (word.includes(':') && !word.startsWith('{')) {
      const table = source.restrictions.get(tableRestrictionOf[stage])
      if (table !== undefined) {
        add(word, patientCheck(table, table.make(source.parts, word), source.parts))
        continue
      }
    }
    const unknown = unknownRestriction(word, parameter, source)
    if (from === 'main.cf' || i === 0) throw unknown
    checks.push(faultyCheck(unknown, source))
    break
  }
  return { checks, closesRelay }
}

/** Tables asked over a network may have to be waited for. */
const patientCheck = ({ about, argument }: Restriction, check: Check, parts: PolicyParts): Check =>
  about === undefined
    ? check
    : (request, subject, depth) =>
        patient(
          () => check(request, subject, depth),
          (error) => (argument === 'table' ? tableFailure : lookupFailure)(parts, about(request), error),
        )

function faultyCheck({ message }: PolicyError, { parts }: ListSource): Check {
  return () => {
    parts.log({ level: 'warning', service: 'smtpd', text: message })
    return { kind: 'refuse', refusal: configurationError }
  }
}

function classCheck(name: string, list: () => RestrictionList, source: ListSource): Check {
  return (request, subject, depth) => {
    if (depth >= maxDepth) {
      source.parts.log({
        level: 'warning',
        service: 'smtpd',
        text: `restriction class ${name}: recursion limit ${maxDepth} reached`,
      })
      return { kind: 'refuse', refusal: configurationError }
    }
    return source.run(list(), request, subject, depth + 1)
  }
}

function unknownRestriction(word: string, parameter: string, source: ListSource): PolicyError {
  const known = knownToPostfix.get(word.toLowerCase())
  if (known !== undefined) {
    return new PolicyError(
      parameter,
      `restriction "${word}" is known to Postfix, not available in Posthorn${known}`,
    )
  }
  const suggestion = closest(word, [...source.restrictions.keys(), ...source.classes.keys()])
  return new PolicyError(
    parameter,
    `unknown restriction "${word}"${suggestion === undefined ? '' : `; did you mean "${suggestion}"?`}`,
  )
}

export const emptyList: RestrictionList = { checks: [() => dunno], closesRelay: false }
