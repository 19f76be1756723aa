-- Whole numbers of at most 53 bits, and what can go wrong with them in doubles.

-- The quotient, rounded down. The remainder of fmod is exact, so what is divided has no fraction.
function whole.quotient(number, by)
  return (number - math.fmod(number, by)) / by
end

-- The sum, held at the largest. What is added is at most MAX, so no bit is lost before.
function whole.sum(a, b)
  return math.min(a + b, MAX)
end

-- The difference, held at 0.
function whole.less(a, b)
  return math.max(a - b, 0)
end

-- For names of keys and fields: `..` would round to 14 digits.
function whole.text(number)
  return string.format('%.0f', number)
end
