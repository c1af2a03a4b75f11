import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../index.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from '../testkit/samples.ts'
import { TextGeneration } from './text-generation.ts'
import {
  decodeIndexHead,
  encodeIndexHead,
  indexHeadBytes,
  indexPath,
  textsName,
  textsVersion,
} from './text-record.ts'

const messages = 20

test('texts of another version are not searched, are no damage, and are made anew', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-texts-version-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const store = await openStore({ directory })
  const account = await makeAccount(store)
  const { id } = await mailboxOf(store, account)
  for (let number = 1; number <= messages; number++) await append(store, id, sampleMessage(number))
  await store.makeTexts()
  assert.equal((await store.check()).texts?.messages, messages)
  await store.close()

  // As a program before this one left them.
  const path = indexPath(join(directory, textsName), account.id)
  const index = readFileSync(path)
  const former = decodeIndexHead(index, textsVersion)
  assert.ok(former !== undefined)
  encodeIndexHead(former, textsVersion - 1).copy(index)
  writeFileSync(path, index)
  const marks = join(directory, textsName, 'covered.json')
  const covered = JSON.parse(readFileSync(marks, 'utf8'))
  assert.equal(covered.texts, textsVersion)
  writeFileSync(marks, JSON.stringify({ ...covered, texts: textsVersion - 1 }))

  assert.throws(() => new TextGeneration(join(directory, textsName), account.id), RangeError)
  const next = await openStore({ directory })
  const { texts, problems } = await next.check()
  assert.deepEqual([texts?.damaged, problems], [0, []])
  await next.makeTexts()
  assert.equal((await next.check()).texts?.messages, messages)
  const head = readFileSync(path).subarray(0, indexHeadBytes)
  assert.notEqual(decodeIndexHead(head, textsVersion), undefined)
  assert.notEqual(decodeIndexHead(head, textsVersion), former)
  await next.close()
})

test('a head of which a bit has flipped is none of any version', () => {
  const head = encodeIndexHead(7)
  for (let bit = 0; bit < indexHeadBytes * 8; bit++) {
    const damaged = Buffer.from(head)
    damaged[bit >> 3] = (damaged[bit >> 3] as number) ^ (1 << (bit & 7))
    assert.equal(decodeIndexHead(damaged, 'any'), undefined)
  }
})
