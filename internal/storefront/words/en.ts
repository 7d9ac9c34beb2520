// The pages in English. Its type is the list of texts that every language must have.
import type { Field } from "../checkout-form.ts";
import type { MoneySentence, Stage } from "../status.ts";
import type { FailureKind } from "../../../schemas/failures.ts";

interface TitleAndText {
  readonly title: string;
  readonly text: string;
}

export interface StatusWords {
  readonly stages: Readonly<Record<Stage, TitleAndText>>;
  /** `amount` is formatted; empty while it is not known. */
  readonly money: Readonly<Record<MoneySentence, (amount: string) => string>>;
  readonly failures: Readonly<Record<FailureKind, TitleAndText>>;
}

/** What to do about a field that is missing; `other` for a field without words of its own, and for what is there and wrong. */
type FieldWords = Readonly<Partial<Record<Field, string>> & Record<"other", string>>;

export const status: StatusWords = {
  stages: {
    holding: { title: "Holding your items", text: "We are putting your items aside for you." },
    paying: { title: "Asking your bank", text: "Your items are held for you. Your bank is being asked now." },
    confirm_at_bank: {
      title: "Please confirm the payment",
      text: "Your items are held for you. Confirm the payment at your bank or at PayPal, then come back here.",
    },
    writing: { title: "Writing your order", text: "Your payment is in. We are writing your order." },
    confirmed: {
      title: "Your order is confirmed",
      text: "Thank you. A confirmation is on its way by e-mail.",
    },
    shipped: { title: "Your order is on its way", text: "The parcel has left us." },
    delivered: { title: "Your order was delivered", text: "We hope that everything is as you wished." },
    cancelling: {
      title: "We are cancelling your order",
      text: "Unless the parcel is on its way already, nothing will be sent, and you get back all that you paid. This page looks again by itself.",
    },
    cancelled: {
      title: "This order was cancelled",
      text: "Your order was confirmed, and cancelled since. Nothing more will be sent to you.",
    },
    stopping: {
      title: "Stopping the order",
      text: "The order cannot go ahead. We are stopping it and making sure that you pay nothing.",
    },
    not_ordered: { title: "Not ordered", text: "This order was not placed." },
  },
  money: {
    none: () => "You have not been charged.",
    free: () => "There was nothing to pay.",
    asking: (amount) =>
      `Your bank is being asked for ${amount || "the amount"}. Please do not pay a second time while this page is working.`,
    authorized: (amount) => `${amount || "The amount"} is set aside at your bank, but not taken.`,
    taken: (amount) => (amount === "" ? "Your payment was taken." : `You paid ${amount}.`),
    returning: (amount) =>
      `${amount || "Your money"} is on its way back to you. Banks need 5 to 10 working days for that.`,
    returned: (amount) =>
      `We have sent ${amount || "your money"} back to you. Banks need 5 to 10 working days to show it. If it does not come, please write to us.`,
    unknown: () =>
      "We do not know yet whether money was taken. Please do not pay again: we are finding out, and we will mail you.",
    settled: () =>
      "You pay nothing: no money was taken, or it is on its way back to you (banks need 5 to 10 working days).",
  },
  failures: {
    price_changed: {
      title: "A price has changed",
      text: "The price changed after you filled your cart, so we did not order anything. Look at the new price and decide again.",
    },
    short_of_stock: {
      title: "Somebody was faster",
      text: "Not everything in your cart is in stock any more. Your cart is kept; change it to what is there.",
    },
    not_sold: {
      title: "Something is no longer sold",
      text: "A product in your cart is not sold here any more. Remove it and order the rest.",
    },
    other_currency: {
      title: "Two currencies in one cart",
      text: "A product in your cart is sold in another currency. Order it by itself.",
    },
    too_large: {
      title: "Too much for one payment",
      text: "This cart costs more than a single payment can. Split it into two orders.",
    },
    too_small: {
      title: "Too little for a payment",
      text: "This cart costs less than the smallest amount that can be paid. Add something to it.",
    },
    odd_amount: {
      title: "This total cannot be paid",
      text: "Payments in this currency cannot be made for exactly this amount. Change the quantity of something and order again.",
    },
    hold_ended: {
      title: "Your items were held too long",
      text: "The payment took longer than we can hold items, so we let them go. You can order again right away.",
    },
    too_slow: {
      title: "It took too long",
      text: "Something on our side did not answer in time, so we stopped the order. You can try again.",
    },
    cancelled_by_shop: {
      title: "The shop stopped this order",
      text: "Someone at the shop cancelled this order. If you did not expect that, please contact us.",
    },
    lost_after_paying: {
      title: "Sold at the very same moment",
      text: "While you paid, your item went to somebody else. We are sorry. You get all of your money back.",
    },
    no_funds: {
      title: "Not enough money on the card",
      text: "Your bank says that the card does not have enough money. Try another card.",
    },
    card_details: {
      title: "The card details were not right",
      text: "Your bank did not recognise the card as entered. Check number, date and security code, or try another card.",
    },
    card_expired: { title: "The card has expired", text: "Your card is no longer valid. Try another card." },
    bank_refused: {
      title: "Your bank said no",
      text: "Your bank refused the payment and does not tell us why. It can tell you; or try another card.",
    },
    not_confirmed: {
      title: "The payment was not confirmed at your bank",
      text: "It was not confirmed there, so nothing was ordered. You can try again.",
    },
    not_confirmed_in_time: {
      title: "The payment was not confirmed in time",
      text: "We cannot hold items for longer while a bank waits, so nothing was ordered. You can try again.",
    },
    card_not_accepted: {
      title: "This card cannot be used here",
      text: "We cannot take this card for this order. Try another card.",
    },
    bank_error: {
      title: "Your bank had a problem",
      text: "Your bank could not process the payment. Wait a minute and try again, or use another card.",
    },
    payments_down: {
      title: "Payments are not working right now",
      text: "We cannot take payments at the moment. Your cart is kept: try again in a minute.",
    },
    address_not_served: {
      title: "We do not deliver there",
      text: "We cannot deliver to this address. Use another one, and your order can go ahead.",
    },
    our_fault: {
      title: "Something went wrong on our side",
      text: "We could not finish your order. That is our fault, not yours, and we are looking into it.",
    },
  },
};

export const en = {
  code: "en",
  own: "English",
  skip: "Skip to the content",
  nav: {
    main: "Main",
    products: "Products",
    orders: "Orders",
    cart: "Cart",
    signIn: "Sign in",
    signOut: "Sign out",
  },
  cartCount: (count: number) => (count === 1 ? "1 item" : `${count} items`),
  footer: {
    line: "Held for you while you pay. Charged once, or not at all.",
    language: "Language",
    theme: "Appearance",
    themes: { auto: "As my device", light: "Light", dark: "Dark" },
  },
  shop: {
    title: "Things worth keeping",
    lead: "Useful and well made. What is shown in stock is in stock, and is held for you while you pay.",
    search: "Search products",
    find: "Search",
    all: "Everything",
    categories: "Categories",
    none: "Nothing here matches that.",
    noneHint: "Try a shorter word, or look at everything.",
    empty: "The shelves are still empty.",
    emptyHint: "New things are on their way. Come back soon.",
    more: "More products",
    add: "Add to cart",
    soldOut: "Sold out",
    left: (count: number) => (count === 1 ? "Only 1 left" : `Only ${count} left`),
    fewer: (wanted: number) => `Fewer than ${wanted} in stock`,
    inStock: "In stock",
    quantity: "Quantity",
    added: (count: number) =>
      `Added to your cart. It holds ${count === 1 ? "1 item" : `${count} items`} now.`,
    addedOnly: (count: number) =>
      count === 0
        ? "Not added: there is no more of it than you have in your cart."
        : `Only ${count} added to your cart: there is no more.`,
    addedNone: (wanted: number) => `Not added: fewer than ${wanted} are in stock.`,
    full: "Your cart cannot hold more of this.",
    searchFor: (text: string) => `Search: ${text}`,
    searchIn: (text: string, category: string) => `${category}: ${text}`,
    previous: "Previous products",
    similar: "More like this",
    delivery: "Held for you while you pay, and charged once or not at all.",
  },
  cart: {
    title: "Your cart",
    empty: "Your cart is empty.",
    emptyHint: "When you find something you like, it waits here for you.",
    look: "Look around",
    update: "Update",
    remove: "Remove",
    removeNamed: (name: string) => `Remove ${name}`,
    quantityOf: (name: string) => `Quantity of ${name}`,
    each: (price: string) => `${price} each`,
    total: "Total",
    checkout: "Check out",
    gone: "Sold out. Remove it to go on.",
    notSold: "No longer sold. Remove it to go on.",
    otherCurrency: "Sold in another currency. Order it by itself.",
    fix: "Something in your cart needs a look before you can check out.",
    note: "Nothing is charged until you place the order.",
  },
  open: {
    title: "An order is still being worked on",
    text: (time: string) => `Your order of ${time} is not finished yet.`,
    look: "Look at it",
  },
  checkout: {
    title: "Check out",
    contact: "Contact",
    email: "E-mail",
    emailHint: "For the confirmation of this order, and nothing else.",
    delivery: "Delivery address",
    name: "Full name",
    company: "Company (optional)",
    line1: "Street and number",
    line2: "Apartment, floor (optional)",
    postal_code: "Postal code",
    city: "City",
    region: "State, province or county (where your country uses one)",
    country: "Country",
    chooseCountry: "Choose a country",
    phone: "Phone, for the delivery (optional)",
    payment: "Payment",
    testCards:
      "This shop runs on a payment simulator. No real card is charged; choose what the card should do.",
    cardNote: "Your card goes straight to the payment provider. We never see its number.",
    needsScript: "Paying by card needs JavaScript, because the card fields belong to the payment provider.",
    noPayment: "This shop has no way to pay yet, so it cannot take orders.",
    review: "Your order",
    edit: "Change the cart",
    place: (total: string) => `Place order and pay ${total}`,
    placeFree: "Place order",
    payByCard: "Card",
    payPal: "PayPal: you approve the payment there and come back",
    placing: "Placing order ...",
    placingText: "Your order is on its way to us. Please keep this page open.",
    note: "By placing the order you buy the items above.",
    errors: "Please check these points",
    changed: "Your cart has changed since this page was opened. This is the cart as it is now.",
    reused:
      "An order with this page was placed already, so we did not place a second one. If you want to order again, use this new form.",
    silent: "We did not get an answer",
    silentText:
      "Your order may or may not have reached us. Ask again: it is the same order, and it can be placed only once.",
    ask: "Ask again",
  },
  errors: {
    email: "Enter an e-mail address, like name@example.com.",
    name: "Enter the name on the letter box.",
    line1: "Enter street and number.",
    city: "Enter the city.",
    postal_code: "Enter the postal code.",
    country: "Choose the country.",
    payment_method: "Choose how you want to pay.",
    other: "This does not look right.",
  } as FieldWords,
  wrong: {
    tooLong: (max: number) => `This is too long. Shorten it to at most ${max} characters.`,
    postalCodeIfAny: "Enter the postal code, if your country has one.",
    postalCode: (country: string) => `This is no postal code of this country: ${country}. Check both.`,
  },
  status: {
    ...status,
    title: "Your order",
    steps: ["Items held", "Paid", "Order written", "Confirmed"] as readonly string[],
    stepsLabel: "Progress",
    done: "done",
    now: "in progress",
    longer: "This takes longer than usual. You can close this page: we mail you as soon as it is decided.",
    until: (time: string) => `We hold your items until ${time}.`,
    left: "{m}\u00a0min {s}\u00a0s left.",
    bank: "Confirm the payment",
    moreTime: "I need more time",
    soon: "Less than a minute is left to confirm.",
    reload: "This page looks again by itself every 3 seconds.",
    reconnecting: "The connection is interrupted. Your order continues; this page keeps trying.",
    placed: "Placed",
    total: "Total",
    newTotal: "New total",
    reference: "Reference",
    order: "Order number",
    toOrder: "See the order",
    again: "Try again",
    otherCard: "Try another card",
    newPrice: "See the new price",
    editCart: "Change the cart",
    newAddress: "Change the address",
    shopOn: "Continue shopping",
    short: "What is left",
    leftOf: (name: string, count: number) => `${name}: ${count === 0 ? "sold out" : `${count} left`}`,
    takeLeft: "Change to what is there",
    changed: "What costs something else now",
    priceOf: (name: string, before: string, now: string) => `${name}: ${now} each, it was ${before}`,
    bankSignIn: "Sign in to confirm",
    guest:
      "You see this page through the link in your e-mail. Sign in to see the address and your other orders.",
  },
  orders: {
    title: "Your orders",
    empty: "No orders yet.",
    emptyHint: "Once you order something, you can follow it here.",
    more: "Older orders",
    newest: "Newest orders",
    status: {
      CONFIRMED: "Being packed",
      SHIPPED: "On its way",
      DELIVERED: "Delivered",
      CANCELLED: "Cancelled",
    },
    cancelling: "Being cancelled",
    placed: "Ordered",
    shipped: "Sent",
    delivered: "Delivered",
    cancelled: "Cancelled",
    tracking: "Tracking",
    deliver_to: "Delivery to",
    delivered_to: "Delivered to",
    money: "Your money",
    returned: (amount: string) => `${amount} is returned to you.`,
    returnedWhen: "Banks need 5 to 10 working days to show it.",
    paid: "Paid when the order was placed.",
    paidBy: (card: string) => `Paid when the order was placed: ${card}.`,
    paidWith: "Paid with",
    /** `brand`: null if it has no name. */
    card: (brand: string | null, last4: string) => `${brand ?? "Card"} ending ${last4}`,
    items: "Items",
    total: "Total",
    again: "Order again",
    print: "Print the receipt",
    receipt: "Receipt",
    number: "Order",
    back: "All orders",
    cancelledText:
      "Nothing more will be sent to you. What you paid goes back the way you paid it; banks need 5 to 10 working days for that.",
    cancel: "Cancel order",
    cancelAsk:
      "The whole order is cancelled. What you paid goes back the way you paid it. This cannot be undone.",
    cancelFree: "The whole order is cancelled. This cannot be undone.",
    cancelNow: "Yes, cancel this order",
    cancelSilent:
      "The cancellation may or may not have begun. Look at the order: it says how it is. Cancelling it once more does no harm.",
    cancelUnknown: "We cannot say right now whether this order is being cancelled, or can be.",
    lookAgain: "Look again",
    todayPrices: "Puts these items into your cart, at today's prices.",
  },
  signIn: {
    title: "Sign in",
    lead: "Sign in to order, and to follow your orders.",
    provider: "Sign in",
    token: "Access key",
    tokenHint: "The key that the shop's sign-in gave you.",
    submit: "Sign in",
    confirm: "You are about to sign in. If you did not ask for that, close this page.",
    proceed: "Continue",
    invalid: "This sign-in is not valid any more. Please ask for a new one.",
    out: "You are signed out.",
    needed: "Please sign in first. Your cart stays as it is.",
  },
  problem: {
    notFound: "There is nothing here",
    notFoundText: "The page does not exist, or it is not yours to see.",
    tooMany: "That was a lot at once",
    tooManyText:
      "More requests or tries came from you or your network than we allow. Nothing is lost: wait a little, then try again.",
    unavailable: "The shop is out of breath",
    unavailableText: "Something does not answer at the moment. Nothing is lost: try again in a few seconds.",
    tooLarge: "That was too much to send",
    tooLargeText:
      "The form holds more than we can take, so we did not do anything. Go back and make it shorter.",
    signInUnknown: "We cannot check your sign-in right now",
    signInUnknownText:
      "The service that knows who is signed in does not answer. You need not sign in again: try again in a moment. Your cart stays as it is.",
    internal: "That went wrong",
    internalText: "Something on our side is broken. We have been told, and we are looking into it.",
    refused: "This form came from somewhere else",
    refusedText: "For your safety we did not do anything. Open the page again and press the button there.",
    home: "Back to the shop",
    retry: "Try again",
  },
  cards: {
    pm_card_visa: "Visa that works",
    pm_card_mastercard: "Mastercard that works",
    pm_card_threeDSecure2Required: "Card that asks the bank (3-D Secure)",
    pm_card_chargeDeclinedInsufficientFunds: "Card without funds",
    pm_card_chargeDeclined: "Card that the bank refuses",
    pm_card_chargeDeclinedExpiredCard: "Card that has expired",
    pm_card_chargeDeclinedIncorrectCvc: "Card with a wrong security code",
    pm_card_chargeDeclinedProcessingError: "Card whose bank has a problem",
    pm_sim_timeout_then_success: "Card that works, but whose bank answers late",
  } as Readonly<Record<string, string>>,
};

export type Words = typeof en;
