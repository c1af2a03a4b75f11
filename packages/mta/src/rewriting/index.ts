export { extensionsTo } from './address-map.ts'
export { type AddressRole, type Canonical, type CanonicalOptions, createCanonical } from './canonical.ts'
export { createOutgoingRewriting, type OutgoingRewriting } from './outgoing.ts'
