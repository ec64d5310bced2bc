"""Everyday things to say to a chat model: those the adapters are trained on, and those they are measured on."""

from __future__ import annotations

_HOW = [
    "make a cup of tea", "cook rice", "fix a flat bicycle tyre", "learn to swim", "wash a wool sweater",
    "grow tomatoes", "write a letter to my landlord", "save money", "fall asleep faster", "clean a window",
    "train a puppy", "bake bread", "read more books", "make new friends", "remember names", "paint a wall",
    "plan a birthday party", "pack a suitcase", "start running", "boil an egg", "calm down before an exam",
    "learn a new language", "sharpen a knife", "tie a tie",
]  # fmt: skip
_WHAT = [
    "a volcano", "a computer", "gravity", "a library", "a good breakfast", "the moon", "a bicycle", "music", "rain",
    "an island", "a recipe", "a rainbow", "the heart", "a map", "chess", "a magnet", "the best way to spend a Sunday",
    "the difference between a frog and a toad", "a good hobby for the winter", "your favourite colour",
]  # fmt: skip
_WHY = [
    "is the sea salty", "do leaves fall in autumn", "do cats purr", "do we dream", "is ice slippery", "do birds sing",
    "is exercise good for us", "does bread rise", "do people travel", "is sleep important", "do we laugh",
    "is the sky dark at night", "do dogs bark", "should I drink water", "do we need friends",
]  # fmt: skip
_ABOUT = [
    "elephants", "the city of Rome", "winter", "honey bees", "trains", "your day", "the desert", "football",
    "a fast horse", "the sun", "coffee", "an old castle", "whales", "the ocean", "cheese", "a small village",
]  # fmt: skip
_TIPS = [
    "staying healthy", "a long car trip", "taking good photos", "a job interview", "keeping a garden",
    "saving energy at home", "cooking for friends", "a rainy day", "learning the guitar", "a tidy room",
    "talking to strangers", "a good night's sleep",
]  # fmt: skip
_PLAIN = [
    "Hello!", "Hi there, how are you?", "Good morning!", "Good evening, my friend.", "Who are you?",
    "What can you do for me?", "What is your name?", "Thank you very much!", "Can you help me?",
    "I am bored. What should I do?", "I feel sad today.", "I am so happy today!", "I lost my keys. What now?",
    "My neighbour is very loud.", "I am hungry.", "It is raining again.", "What should I eat tonight?",
    "Where should I go on holiday?", "Should I buy a dog or a cat?", "Is it late?", "I cannot find my glasses.",
    "Do you like music?", "Are you a robot?", "Is breakfast important?", "I have a headache.",
    "Tell me a short story.", "Tell me a story about a mouse.", "Tell me something interesting.",
    "Say something nice to me.", "Write a short poem about the sea.", "Write a birthday greeting for my sister.",
    "Describe a perfect day.", "Recommend a good book.", "Which is bigger, the sun or the earth?",
    "What is two plus three?", "What is the capital of France?", "Name three animals that live in a forest.",
    "Name three kinds of fruit.", "How many days are in a week?", "What do you think of snow?",
    "Explain how a clock works.", "Explain what a bank does.", "Explain the internet to a child.",
    "My boss wants a report by Friday.", "I want to be a better cook.", "I am going to a wedding.", "I broke a cup.",
]  # fmt: skip

TRAINING = [
    *(f"How do I {rest}?" for rest in _HOW),
    *(f"What is {rest}?" for rest in _WHAT),
    *(f"Why {rest}?" for rest in _WHY),
    *(f"Tell me about {rest}." for rest in _ABOUT),
    *(f"Give me some tips for {rest}." for rest in _TIPS),
    *_PLAIN,
]

HELD_OUT = [
    "How do I make pancakes?", "Why is the sky blue?", "Tell me about penguins.", "What is a telescope?",
    "Give me some advice for my first day at a new school.", "Hey, what's up?", "What should I wear when it is cold?",
    "How does a plane fly?", "I am nervous about tomorrow.", "What is the capital of Italy?",
    "Tell me a story about a dragon.", "Where does milk come from?", "How can I get better at drawing?",
    "Why do we have seasons?", "Describe your house.", "Can you recommend a film?",
]  # fmt: skip
