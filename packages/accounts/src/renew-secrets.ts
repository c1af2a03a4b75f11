import type { Log } from '@posthorn/mail'
import { makeScramVerifier, parseScramVerifier } from '@posthorn/sasl'
import type { Account, Store } from '@posthorn/storage'
import type { HashLanes } from './hash-lanes.ts'
import type { CompleteOptions } from './options.ts'
import { hashPassword, isOutdated } from './password.ts'

interface RenewParts {
  readonly store: Store
  readonly log: Log
  readonly options: () => CompleteOptions
}

/**
 * Parameters grow with the years, and hashes come from other systems: the moment of a good login is when ours
 * can take their place (RFC 9106 §4), and when a SCRAM verifier can be made. An account whose password somebody
 * else checks keeps none here.
 */
export function renewSecrets(
  parts: RenewParts,
  lanes: HashLanes,
  account: Account,
  { prepared }: { readonly prepared: Buffer },
): void {
  const cost = parts.options()
  if (account.passwordHash === '') return
  const hashIsOld = isOutdated(account.passwordHash, cost)
  const verifierIsOld = isVerifierOutdated(account.scramVerifier, cost.scramIterations)
  if (!hashIsOld && !verifierIsOld) return
  lanes
    .run({ class: 'failing', key: 'upgrade' }, async () => ({
      ...(hashIsOld ? { passwordHash: await hashPassword(prepared, cost) } : {}),
      ...(verifierIsOld ? { scramVerifier: await makeScramVerifier(prepared, cost.scramIterations) } : {}),
    }))
    .then(async (change) => {
      const current = await parts.store.accounts.get(account.id)
      if (change === undefined || current?.passwordHash !== account.passwordHash) return
      await parts.store.accounts.update(account.id, change)
    })
    .catch((error: unknown) =>
      parts.log({
        level: 'error',
        service: 'auth',
        text: `${account.address}: password hash not renewed`,
        error,
      }),
    )
}

function isVerifierOutdated(verifier: string | undefined, iterations: number): boolean {
  return iterations > 0 && parseScramVerifier(verifier ?? '')?.iterations !== iterations
}
