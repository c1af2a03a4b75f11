export {
  type AddressVerifier,
  type AddressVerifyOptions,
  type AddressVerifySources,
  createAddressVerifier,
} from './address-verifier.ts'
export { openVerifyCache, type Verified, type VerifyCache } from './verify-cache.ts'
