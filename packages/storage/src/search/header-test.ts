import { decodeWords, foldCase, keptFieldNames, unfold } from '@posthorn/mail'
import { type Candidate, type Stage, stage } from './candidate.ts'

/**
 * Whether a header field of this lower-case name contains the text, decoded and case folded; '' asks for the
 * field's presence. RFC 9051 §6.4.4 HEADER. undefined when more of the message must be read.
 */
export const headerTest = (name: string, value: string): ((message: Candidate) => boolean | undefined) => {
  const field = fieldPattern(name)
  if (field === undefined) return () => false
  const needle = foldCase(value)
  const kept = keptFieldNames.has(name)
  const needed: Stage = kept ? stage.summary : stage.header
  return (message) => {
    if (message.stage < needed) return message.needs(needed)
    const block = message.stage >= stage.header ? message.header() : message.keptFields()
    return block === undefined ? message.needs(stage.header) : hasField(block, field, needle)
  }
}

/** `Name` at a line's beginning, its value with its folded lines in group 1. Linear: no repeats overlap. */
const fieldPattern = (name: string): RegExp | undefined => {
  if (!/^[\x21-\x39\x3b-\x7e]+$/.test(name)) return undefined
  const literal = name.replace(/[^A-Za-z0-9]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return new RegExp(`(?:^|\\n)${literal}[ \\t]*:([^\\n]*(?:\\n[ \\t][^\\n]*)*)`, 'gi')
}

const hasField = (block: string, field: RegExp, needle: string): boolean => {
  field.lastIndex = 0
  for (let found = field.exec(block); found !== null; found = field.exec(block)) {
    if (needle === '' || foldCase(decodeWords(unfold(found[1] ?? ''))).includes(needle)) return true
  }
  return false
}
