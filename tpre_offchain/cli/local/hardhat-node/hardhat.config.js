// Hardhat's own defaults make the chain: EDR, chain 31337.
export default {};
