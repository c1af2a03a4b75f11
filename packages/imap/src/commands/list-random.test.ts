/** LIST with options of all kinds over random mailboxes, beside a plain reading of RFC 5258 §3. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type RawClient, startImapFixture } from '../testkit/imap-fixture.ts'
import { oneOf, type Random, randomFrom } from '../testkit/random.ts'

/** What was made and not removed. */
interface Tree {
  readonly mailboxes: Map<string, string>
  readonly subscribed: Set<string>
}

const uses = ['\\Flagged', '\\All', '\\Important']
const levels = ['a', 'b', 'ab', 'c']
const atStart = { Archive: '\\Archive', Drafts: '\\Drafts', Junk: '\\Junk', Sent: '\\Sent', Trash: '\\Trash' }

const randomName = (random: Random): string =>
  Array.from({ length: 1 + random(3) }, () => oneOf(random, levels)).join('/')

const parentsOf = (name: string): string[] =>
  name.split('/').flatMap((_, at, all) => (at === 0 ? [] : all.slice(0, at).join('/')))

async function change(client: RawClient, tree: Tree, random: Random): Promise<void> {
  const name = randomName(random)
  const { mailboxes, subscribed } = tree
  const did = async (command: string): Promise<boolean> =>
    (await client.command(command)).at(-1)!.startsWith('OK')
  switch (random(6)) {
    case 0:
    case 1: {
      const free = uses.filter((use) => ![...mailboxes.values()].includes(use))
      const use = random(4) === 0 && free.length > 0 ? oneOf(random, free) : ''
      if (!(await did(`CREATE ${name}${use === '' ? '' : ` (USE (${use}))`}`))) return
      // One that was deleted and stayed for its children stays what it is.
      const isThere = (each: string) => [...mailboxes.keys()].some((one) => `${one}/`.startsWith(`${each}/`))
      for (const each of parentsOf(name).filter((one) => !isThere(one))) mailboxes.set(each, '')
      mailboxes.set(name, use)
      return
    }
    case 2:
      if (await did(`DELETE ${name}`)) mailboxes.delete(name)
      return
    case 3:
      if (await did(`UNSUBSCRIBE ${name}`)) subscribed.delete(name)
      return
    default:
      if (await did(`SUBSCRIBE ${name}`)) subscribed.add(name)
  }
}

interface Question {
  readonly selection: readonly string[]
  readonly patterns: readonly string[]
  readonly returns: readonly string[]
}

function randomQuestion(random: Random): Question {
  const some = (choices: readonly string[]): string[] => choices.filter(() => random(2) === 0)
  const selection = some(['SUBSCRIBED', 'SPECIAL-USE', 'REMOTE'])
  if (random(2) === 0 && selection.some((option) => option !== 'REMOTE')) selection.push('RECURSIVEMATCH')
  const pattern = () => oneOf(random, ['*', '%', 'a', 'a/%', '%/%', 'a*', '%b', 'a/b', '*/c', 'I%', ''])
  return {
    selection,
    patterns: Array.from({ length: 1 + random(3) }, pattern),
    returns: some(['SUBSCRIBED', 'CHILDREN', 'SPECIAL-USE']),
  }
}

/** Lines as `name|attributes|CHILDINFO`, sorted. */
function expected(tree: Tree, { selection, patterns, returns }: Question): string[] {
  const { mailboxes, subscribed } = tree
  const exact = [...mailboxes.keys(), ...subscribed]
  const universe = new Set([...exact, ...exact.flatMap(parentsOf)])
  const below = (top: string, names: Iterable<string>): string[] =>
    [...names].filter((name) => name.startsWith(`${top}/`))
  const expressions = patterns
    .filter((pattern) => pattern !== '')
    .map((pattern) => new RegExp(`^${pattern.replace(/[%*]/g, (wild) => (wild === '%' ? '[^/]*' : '.*'))}$`))
  const matches = (name: string): boolean => expressions.some((expression) => expression.test(name))
  const wantsSubscribed = selection.includes('SUBSCRIBED')
  const wantsUse = selection.includes('SPECIAL-USE')
  const meets = (name: string): boolean => {
    if (wantsSubscribed && !subscribed.has(name)) return false
    if (wantsUse && (mailboxes.get(name) ?? '') === '') return false
    return wantsSubscribed || wantsUse || mailboxes.has(name) || below(name, mailboxes.keys()).length > 0
  }
  const found: string[] = []
  for (const name of universe) {
    const meeting = selection.includes('RECURSIVEMATCH') ? below(name, universe).filter(meets) : []
    // §3.5: a name that does not meet the selection stands for those below it that are not shown.
    if (!matches(name) || !(meets(name) || meeting.some((each) => !matches(each)))) continue
    const attributes = [
      ...(subscribed.has(name) && (wantsSubscribed || returns.includes('SUBSCRIBED'))
        ? ['\\Subscribed']
        : []),
      ...(mailboxes.has(name) ? [] : ['\\NonExistent']),
      below(name, mailboxes.keys()).length > 0 ? '\\HasChildren' : '\\HasNoChildren',
      ...(mailboxes.get(name) ? [mailboxes.get(name)!] : []),
    ]
    found.push(`${name}|${attributes.sort().join(' ')}|${meeting.length > 0 ? 'CHILDINFO' : ''}`)
  }
  return found.sort()
}

async function answered(client: RawClient, { selection, patterns, returns }: Question): Promise<string[]> {
  const names = patterns.map((pattern) => `"${pattern}"`).join(' ')
  const command = `LIST (${selection.join(' ')}) "" (${names}) RETURN (${returns.join(' ')})`
  const lines = await client.ok(command)
  return lines
    .slice(0, -1)
    .map((line) => {
      const [, attributes, name, extra] = /^\* LIST \(([^)]*)\) "\/" "?([^" ]+)"?( \(.*\))?$/.exec(line) ?? []
      assert.ok(attributes !== undefined, line)
      return `${name}|${attributes.split(' ').sort().join(' ')}|${extra?.includes('CHILDINFO') ? 'CHILDINFO' : ''}`
    })
    .sort()
}

for (const seed of [1, 2, 3])
  test(`RFC 5258 §3: every selection over every tree (seed ${seed})`, async (t) => {
    const imap = await startImapFixture(t)
    const client = await imap.login()
    const random = randomFrom(seed)
    const names = ['INBOX', ...Object.keys(atStart)]
    const tree: Tree = {
      mailboxes: new Map([['INBOX', ''], ...Object.entries(atStart)]),
      subscribed: new Set(names),
    }
    for (let round = 0; round < 60; round++) {
      for (let times = random(4); times >= 0; times--) await change(client, tree, random)
      for (let times = 0; times < 5; times++) {
        const question = randomQuestion(random)
        const what = `${JSON.stringify(question)} in ${JSON.stringify([...tree.mailboxes])}`
        assert.deepEqual(await answered(client, question), expected(tree, question), what)
      }
    }
  })
