import { test } from 'node:test'
import { startImapFixture } from '../testkit/imap-fixture.ts'
import { gather, liveTogether } from '../testkit/live-together.ts'
import { randomFrom } from '../testkit/random.ts'

const rounds = 3
const deeds = 30

for (const seed of [1, 2, 3, 4])
  test(`RFC 9051 §7: clients of seven kinds at one mailbox, each believing what it is told (seed ${seed})`, async (t) => {
    const imap = await startImapFixture(t)
    const login = () => imap.login()
    const clients = await gather(login)
    const random = randomFrom(seed)
    for (let round = 0; round < rounds; round++) await liveTogether(clients, random, { deeds, login })
  })
