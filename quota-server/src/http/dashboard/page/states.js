// The states of a deployment, the worst first, with what each means for who looks.

export const STATES = {
  quarantined: "its ledger may have lost writes: nothing is granted until the next window, leases in hand stay valid",
  exhausted: "nothing is left in this window: gateways deny by themselves until it ends or something is given back",
  endgame: "little is left in this window: gateways give back their rests and ask for exact amounts",
  ok: "there is room in this window",
};

const ORDER = Object.keys(STATES);

/** Sorts the worst first. */
export const rank = (state) => ORDER.indexOf(state);
