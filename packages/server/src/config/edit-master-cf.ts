import { wordsOf } from './braced-words.ts'
import {
  formatService,
  logicalServices,
  parseService,
  type ServiceEntry,
  type ServiceField,
  serviceFields,
} from './master-cf.ts'

/** `service/type`. */
export type ServiceKey = string

export type MasterCfEdit =
  /** The whole line; one that is not there is added. */
  | { readonly kind: 'set'; readonly key: ServiceKey; readonly text: string }
  | { readonly kind: 'remove' | 'comment'; readonly key: ServiceKey }
  | { readonly kind: 'field'; readonly key: ServiceKey; readonly field: ServiceField; readonly value: string }
  | { readonly kind: 'option'; readonly key: ServiceKey; readonly name: string; readonly value: string }
  | { readonly kind: 'removeOption'; readonly key: ServiceKey; readonly name: string }

export class MasterCfEditError extends Error {}

/**
 * Postfix: postconf -M, -F and -P with -e, -X and -#. Services that are not named stay as they are, comments
 * and order too; a changed one is written anew, each option on a line. Throws MasterCfEditError.
 */
export function editMasterCf(text: string, edits: readonly MasterCfEdit[]): string {
  return edits.reduce(editOne, text)
}

function editOne(text: string, edit: MasterCfEdit): string {
  const lines = text === '' ? [] : text.replace(/\n$/, '').split('\n')
  const place = logicalServices(text).find((one) => keyOf(one.text) === edit.key)
  if (place === undefined) {
    if (edit.kind === 'set') return joined([...lines, written(edit.text)])
    if (edit.kind === 'remove' || edit.kind === 'comment') return text
    throw new MasterCfEditError(`unmatched service name and type: "${edit.key}"`)
  }
  const before = lines.slice(place.first, place.last + 1)
  // Remarks between the lines of a service stay in the file, whatever becomes of it.
  const after =
    edit.kind === 'comment'
      ? before.map(commented)
      : [...before.filter((line) => line.trimStart().startsWith('#')), ...changed(place.text, edit)]
  return joined([...lines.slice(0, place.first), ...after, ...lines.slice(place.last + 1)])
}

const joined = (lines: readonly string[]): string => (lines.length === 0 ? '' : `${lines.join('\n')}\n`)
const commented = (line: string): string => (line.startsWith('#') || line.trim() === '' ? line : `#${line}`)
const keyOf = (text: string): ServiceKey => text.split(/\s+/, 2).join('/')

function entryOf(text: string): ServiceEntry {
  const entry = parseService(text, 1)
  if (typeof entry === 'string') throw new MasterCfEditError(entry)
  return entry
}

const written = (text: string): string => formatService(entryOf(text), 'folded')

function changed(text: string, edit: MasterCfEdit): readonly string[] {
  switch (edit.kind) {
    case 'set':
      return [written(edit.text)]
    case 'field': {
      const { fields } = entryOf(text)
      const next = { ...fields, [edit.field]: edit.value }
      return [written(serviceFields.map((name) => next[name]).join(' '))]
    }
    case 'option':
      return [written(withOption(text, edit.name, edit.value))]
    case 'removeOption':
      return [written(withOption(text, edit.name, undefined))]
    default:
      return []
  }
}

/** The service's line with one option set, added or taken away. */
function withOption(text: string, name: string, value: string | undefined): string {
  const words = [...(wordsOf(text) ?? [])]
  const option =
    value === undefined ? [] : ['-o', /\s/.test(value) ? `{ ${name}=${value} }` : `${name}=${value}`]
  const nameOf = (word: string): string =>
    word
      .replace(/^\{\s*/, '')
      .split('=', 1)[0]
      ?.trim() ?? ''
  for (let at = 8; at < words.length; at++) {
    const word = words[at] ?? ''
    if (word.startsWith('argv=')) break
    const attached = word.startsWith('-o') && word.length > 2
    if (!word.startsWith('-o') || nameOf(attached ? word.slice(2) : (words[at + 1] ?? '')) !== name) continue
    words.splice(at, attached ? 1 : 2, ...option)
    return words.join(' ')
  }
  const end = words.findIndex((word, at) => at > 7 && word.startsWith('argv='))
  words.splice(end === -1 ? words.length : end, 0, ...option)
  return words.join(' ')
}
