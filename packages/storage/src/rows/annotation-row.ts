import { keyAfter, keyOf32, keyOf32x2, keyOf32x2andText, keyOfTable, tables } from '../kv/keys.ts'
import type { Reader, Unit } from '../kv/unit.ts'
import { getLong, putLong, removeLong, wholeOf } from './long-value.ts'

/** Mailbox 0 is the server; account 0 is shared. */
export const annotationKey = (mailbox: number, account: number, name: string): Buffer =>
  keyOf32x2andText(tables.annotation, mailbox, account, name)

export const getAnnotation = (reader: Reader, key: Buffer): Buffer | undefined => getLong(reader, key)

export const writeAnnotation = (unit: Unit, key: Buffer, value: Uint8Array): void =>
  putLong(unit, key, Buffer.from(value))

export const removeAnnotation = (unit: Unit, key: Buffer): void => removeLong(unit, key)

export const annotationsOf = (
  reader: Reader,
  mailbox: number,
  account: number,
): { readonly name: string; readonly value: Buffer }[] => {
  const prefix = keyOf32x2(tables.annotation, mailbox, account)
  return Array.from(reader.range({ start: prefix, end: keyAfter(prefix) }), ({ key, value }) => ({
    name: key.toString('utf8', 9),
    value: wholeOf(reader, Buffer.from(key), value),
  }))
}

/** Of everybody. */
export const removeAnnotationsOfMailbox = (unit: Unit, mailbox: number): void =>
  removeWithin(unit, keyOf32(tables.annotation, mailbox), () => true)

export const removeAnnotationsOfAccount = (unit: Unit, account: number): void =>
  removeWithin(unit, keyOfTable(tables.annotation), (key) => key.readUInt32BE(5) === account)

export const copyAnnotations = (unit: Unit, from: number, to: number): void => {
  const prefix = keyOf32(tables.annotation, from)
  for (const { key, value } of [...unit.range({ start: prefix, end: keyAfter(prefix) })]) {
    const whole = wholeOf(unit, Buffer.from(key), value)
    writeAnnotation(unit, annotationKey(to, key.readUInt32BE(5), key.toString('utf8', 9)), whole)
  }
}

export const annotationOwners = (
  reader: Reader,
): { readonly mailbox: number; readonly account: number }[] => {
  const start = keyOfTable(tables.annotation)
  return Array.from(reader.range({ start, end: keyAfter(start) }), ({ key }) => ({
    mailbox: key.readUInt32BE(1),
    account: key.readUInt32BE(5),
  }))
}

const removeWithin = (unit: Unit, prefix: Buffer, isMeant: (key: Buffer) => boolean): void => {
  const keys = Array.from(unit.range({ start: prefix, end: keyAfter(prefix) }), ({ key }) => Buffer.from(key))
  for (const key of keys) if (isMeant(key)) removeLong(unit, key)
}
