import { foldCase } from '@posthorn/mail'
import { answer } from '../texts/answer.ts'
import type { TextNeedle } from '../texts/needle.ts'
import { type Candidate, stage } from './candidate.ts'

/** A part of the criteria that kept texts can answer. */
export interface StoredLeaf {
  readonly needle: TextNeedle
  /** Of the batch at stage stored, by row (see `answer`). */
  answers: Uint8Array
  /** What later stages need not ask again. */
  readonly known: Map<number, boolean>
}

const maxNeedleBytes = 16 * 1024
const noAnswers = new Uint8Array()

/** A line end may lie between two texts of which the message itself says more. */
const isPlain = (needle: string): boolean =>
  !needle.includes('\n') && !needle.includes('\r') && needle.length <= maxNeedleBytes && needle.isWellFormed()

const enter = (needle: TextNeedle, leaves: StoredLeaf[]): StoredLeaf => {
  const leaf: StoredLeaf = { needle, answers: noAnswers, known: new Map() }
  leaves.push(leaf)
  return leaf
}

/** @param needle folded */
export const textLeaf = (
  needle: string,
  where: 'body' | 'everywhere',
  leaves: StoredLeaf[] | undefined,
): StoredLeaf | undefined => {
  if (leaves === undefined || !isPlain(needle)) return undefined
  return enter({ where, octets: Buffer.from(needle), name: undefined }, leaves)
}

/** @param needle folded; '' asks for the field */
export const fieldLeaf = (
  name: string,
  needle: string,
  leaves: StoredLeaf[] | undefined,
): StoredLeaf | undefined => {
  // Blanks around a value are not its own.
  if (leaves === undefined || !isPlain(needle) || /^[ \t]|[ \t]$/.test(needle)) return undefined
  return enter({ where: 'field', octets: Buffer.from(needle), name: Buffer.from(foldCase(name)) }, leaves)
}

/** 'later': at stage stored it will be known; undefined: the message itself must be asked. */
export const storedAnswer = (leaf: StoredLeaf, message: Candidate): boolean | 'later' | undefined => {
  if (message.stage < stage.stored) {
    message.needs(stage.stored)
    return 'later'
  }
  if (message.stage > stage.stored) return leaf.known.get(message.uid)
  const found = leaf.answers[message.row]
  return found === answer.unknown || found === undefined ? undefined : found === answer.yes
}

/** The message goes on to later stages: what is known of it goes along. */
export const keepAnswers = (leaves: readonly StoredLeaf[], uid: number, row: number): void => {
  for (const { answers, known } of leaves) {
    if (answers[row] !== undefined && answers[row] !== answer.unknown)
      known.set(uid, answers[row] === answer.yes)
  }
}
