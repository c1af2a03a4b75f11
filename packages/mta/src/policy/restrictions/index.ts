import type { Restriction } from '../restriction.ts'
import { checkCcertAccess } from './check-ccert-access.ts'
import { checkClientAccess } from './check-client-access.ts'
import { checkEtrnAccess } from './check-etrn-access.ts'
import { checkHeloAccess } from './check-helo-access.ts'
import { checkPolicyService } from './check-policy-service.ts'
import { checkRecipientAccess } from './check-recipient-access.ts'
import { checkReverseClientHostnameAccess } from './check-reverse-client-hostname-access.ts'
import { checkSaslAccess } from './check-sasl-access.ts'
import { checkSenderAccess } from './check-sender-access.ts'
import { serverAccessRestrictions } from './check-server-access.ts'
import { defer } from './defer.ts'
import { deferIfPermit } from './defer-if-permit.ts'
import { deferIfReject } from './defer-if-reject.ts'
import { deferUnauthDestination } from './defer-unauth-destination.ts'
import { greylist } from './greylist.ts'
import { permit } from './permit.ts'
import { permitAuthDestination } from './permit-auth-destination.ts'
import { permitDnswlClient, permitRhswlClient } from './permit-dnswl-client.ts'
import { permitInetInterfaces } from './permit-inet-interfaces.ts'
import { permitMxBackup } from './permit-mx-backup.ts'
import { permitMynetworks } from './permit-mynetworks.ts'
import { permitSaslAuthenticated } from './permit-sasl-authenticated.ts'
import { permitTlsAllClientcerts, permitTlsClientcerts } from './permit-tls-clientcerts.ts'
import { reject } from './reject.ts'
import { rejectInvalidHeloHostname } from './reject-invalid-helo-hostname.ts'
import { rejectMultiRecipientBounce } from './reject-multi-recipient-bounce.ts'
import { rejectNonFqdnHeloHostname } from './reject-non-fqdn-helo-hostname.ts'
import { rejectNonFqdnRecipient } from './reject-non-fqdn-recipient.ts'
import { rejectNonFqdnSender } from './reject-non-fqdn-sender.ts'
import { rejectPlaintextSession } from './reject-plaintext-session.ts'
import { rejectRblClient } from './reject-rbl-client.ts'
import { rhsblRestrictions } from './reject-rhsbl.ts'
import {
  rejectAuthenticatedSenderLoginMismatch,
  rejectKnownSenderLoginMismatch,
  rejectSenderLoginMismatch,
  rejectUnauthenticatedSenderLoginMismatch,
} from './reject-sender-login-mismatch.ts'
import { rejectUnauthDestination } from './reject-unauth-destination.ts'
import { rejectUnauthPipelining } from './reject-unauth-pipelining.ts'
import { rejectUnknownClientHostname } from './reject-unknown-client-hostname.ts'
import { rejectUnknownHeloHostname } from './reject-unknown-helo-hostname.ts'
import { rejectUnknownRecipientDomain } from './reject-unknown-recipient-domain.ts'
import { rejectUnknownReverseClientHostname } from './reject-unknown-reverse-client-hostname.ts'
import { rejectUnknownSenderDomain } from './reject-unknown-sender-domain.ts'
import { rejectUnlistedRecipient } from './reject-unlisted-recipient.ts'
import { rejectUnlistedSender } from './reject-unlisted-sender.ts'
import { unverifiedRestrictions } from './reject-unverified.ts'
import { sleep } from './sleep.ts'
import { warnIfReject } from './warn-if-reject.ts'

const all: readonly Restriction[] = [
  checkCcertAccess,
  checkClientAccess,
  checkEtrnAccess,
  checkHeloAccess,
  checkRecipientAccess,
  checkReverseClientHostnameAccess,
  checkSaslAccess,
  checkSenderAccess,
  checkPolicyService,
  ...serverAccessRestrictions,
  deferIfPermit,
  deferIfReject,
  deferUnauthDestination,
  defer,
  greylist,
  permitAuthDestination,
  permitDnswlClient,
  permitRhswlClient,
  permitInetInterfaces,
  permitMxBackup,
  permitMynetworks,
  permitSaslAuthenticated,
  permitTlsAllClientcerts,
  permitTlsClientcerts,
  permit,
  rejectInvalidHeloHostname,
  rejectMultiRecipientBounce,
  rejectNonFqdnHeloHostname,
  rejectNonFqdnRecipient,
  rejectNonFqdnSender,
  rejectPlaintextSession,
  rejectRblClient,
  ...rhsblRestrictions,
  rejectAuthenticatedSenderLoginMismatch,
  rejectKnownSenderLoginMismatch,
  rejectSenderLoginMismatch,
  rejectUnauthenticatedSenderLoginMismatch,
  rejectUnauthDestination,
  rejectUnauthPipelining,
  rejectUnknownClientHostname,
  rejectUnknownHeloHostname,
  rejectUnknownRecipientDomain,
  rejectUnknownReverseClientHostname,
  rejectUnknownSenderDomain,
  rejectUnlistedRecipient,
  rejectUnlistedSender,
  reject,
  ...unverifiedRestrictions,
  sleep,
  warnIfReject,
]

/** Every restriction by each of its names. */
export const restrictions: ReadonlyMap<string, Restriction> = new Map(
  all.flatMap((one) => one.names.map((name) => [name, one] as const)),
)
