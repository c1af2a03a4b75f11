import assert from 'node:assert/strict'
import { copyFileSync, mkdtempSync, readdirSync, readlinkSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { openStore } from '../index.ts'
import { listingPath } from '../listings/listing-file.ts'
import { ListingShelf } from '../listings/listing-shelf.ts'
import { append, mailboxOf, makeAccount, sampleMessage } from '../testkit/samples.ts'
import { indexPath, textsName } from './text-record.ts'
import { TextShelf } from './text-shelf.ts'

const deletedIn = (directory: string): string[] =>
  readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      const target = readlinkSync(`/proc/self/fd/${name}`)
      return target.startsWith(directory) && target.endsWith(' (deleted)') ? [target] : []
    } catch {
      return []
    }
  })

test('files of texts and listings that another process replaced are given back', {
  skip: process.platform !== 'linux',
}, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'posthorn-replaced-'))
  t.after(() => rmSync(directory, { recursive: true }))
  const listing = { module: new URL('../listings/test-listing.ts', import.meta.url), version: 1 }
  const store = await openStore({ directory, listing })
  const account = await makeAccount(store)
  for (let number = 1; number <= 20; number++)
    await append(store, (await mailboxOf(store, account)).id, sampleMessage(number))
  await store.makeTexts()
  await store.close()
  const texts = join(directory, textsName)
  const listings = new ListingShelf(texts, 1)
  const shelf = new TextShelf(texts)
  ;(await listings.of(account.id))?.release()
  assert.ok(shelf.of(account.id))
  listings.dropReplaced()
  shelf.dropReplaced()
  for (const path of [listingPath(texts, account.id), indexPath(texts, account.id)]) {
    copyFileSync(path, `${path}.new`)
    renameSync(`${path}.new`, path)
  }
  assert.equal(deletedIn(texts).length, 2, 'they are open until then')
  listings.dropReplaced()
  shelf.dropReplaced()
  assert.deepEqual(deletedIn(texts), [])
  const again = await listings.of(account.id)
  assert.equal(again?.count, 20)
  again?.release()
  listings.close()
  shelf.close()
})
