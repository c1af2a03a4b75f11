import { foldCase, keptFieldNames, searchedField, searchedPieces, unfold } from '@posthorn/mail'
import { type Candidate, type Stage, stage } from './candidate.ts'
import type { HeaderColumn } from './header-columns.ts'
import { fieldLeaf, type StoredLeaf, storedAnswer } from './stored-leaf.ts'

/**
 * Whether a header field of this lower-case name contains the text, decoded and case folded; '' asks for the
 * field's presence. RFC 9051 §6.4.4 HEADER. undefined when more of the message must be read.
 *
 * @param column what is known of a field that summaries keep; it learns what is read here
 * @param leaves what kept texts are asked
 */
export const headerTest = (
  name: string,
  value: string,
  column?: HeaderColumn,
  leaves?: StoredLeaf[],
): ((message: Candidate) => boolean | undefined) => {
  const field = fieldPattern(name)
  if (field === undefined) return () => false
  const needle = foldCase(value)
  // A line end in the needle could match over two fields.
  const known = needle.includes('\n') || !needle.isWellFormed() ? undefined : column
  const octets = Buffer.from(needle)
  const read = known ? columnTest(name, field, needle, known) : readTest(name, field, needle)
  const leaf = fieldLeaf(name, needle, leaves)
  if (leaf === undefined) return read
  return (message) => {
    const before = known?.includes(message.uid, octets)
    if (before !== undefined) return before
    const stored = storedAnswer(leaf, message)
    if (stored === 'later') return undefined
    return stored ?? read(message)
  }
}

const readTest = (
  name: string,
  field: RegExp,
  needle: string,
): ((message: Candidate) => boolean | undefined) => {
  const needed: Stage = keptFieldNames.has(name) ? stage.summary : stage.header
  return (message) => {
    if (message.stage < needed) return message.needs(needed)
    const block = message.stage >= stage.header ? message.header() : message.keptFields()
    if (block === undefined) return message.needs(stage.header)
    const { questions } = message
    questions.count(block.length)
    if (questions.areFew) return hasField(block, name, field, needle)
    return questions.askInSteps(`${name}:${needle}`, function* () {
      for (const text of fieldTexts(block, name, field)) {
        if (text === undefined) yield
        else if (text.includes(needle)) return true
      }
      return false
    })
  }
}

const columnTest = (
  name: string,
  field: RegExp,
  needle: string,
  column: HeaderColumn,
): ((message: Candidate) => boolean | undefined) => {
  const octets = Buffer.from(needle)
  return (message) => {
    const known = column.includes(message.uid, octets)
    if (known !== undefined) return known
    if (message.stage < stage.summary) return message.needs(stage.summary)
    const block = message.stage >= stage.header ? message.header() : message.keptFields()
    if (block === undefined) return message.needs(stage.header)
    const { uid, questions } = message
    const learn = (text: string | null): boolean => {
      column.set(uid, text)
      return text?.includes(needle) ?? false
    }
    questions.count(block.length)
    if (questions.areFew) return learn(fieldText(block, name, field))
    return questions.askInSteps(`${name}:${needle}`, function* () {
      const texts: string[] = []
      for (const text of fieldTexts(block, name, field)) {
        if (text === undefined) yield
        else texts.push(text)
      }
      return learn(texts.length === 0 ? null : texts.join('\n'))
    })
  }
}

/** Every field of the name; null when there is none. */
export const fieldText = (block: string, name: string, field: RegExp): string | null => {
  const texts: string[] = []
  field.lastIndex = 0
  for (let found = field.exec(block); found !== null; found = field.exec(block)) {
    texts.push(foldCase(searchedField(name, unfold(found[1] ?? ''))))
  }
  return texts.length === 0 ? null : texts.join('\n')
}

/** As `fieldText`, one field after the other, and undefined wherever others may be let in. */
function* fieldTexts(block: string, name: string, field: RegExp): Generator<string | undefined> {
  for (let from = 0; ; ) {
    // Others use the pattern in between.
    field.lastIndex = from
    const found = field.exec(block)
    if (found === null) return
    from = field.lastIndex
    let text = ''
    for (const piece of searchedPieces(name, unfold(found[1] ?? ''))) {
      text += foldCase(piece)
      yield undefined
    }
    yield text
  }
}

/** `Name` at a line's beginning, its value with its folded lines in group 1. Linear: no repeats overlap. */
export const fieldPattern = (name: string): RegExp | undefined => {
  if (!/^[\x21-\x39\x3b-\x7e]+$/.test(name)) return undefined
  const literal = name.replace(/[^A-Za-z0-9]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)
  return new RegExp(`(?:^|\\n)${literal}[ \\t]*:([^\\n]*(?:\\n[ \\t][^\\n]*)*)`, 'gi')
}

const hasField = (block: string, name: string, field: RegExp, needle: string): boolean => {
  field.lastIndex = 0
  for (let found = field.exec(block); found !== null; found = field.exec(block)) {
    if (needle === '' || foldCase(searchedField(name, unfold(found[1] ?? ''))).includes(needle)) return true
  }
  return false
}
